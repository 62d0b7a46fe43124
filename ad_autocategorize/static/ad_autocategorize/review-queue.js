// One key a decision. Every key presses a button or follows a link that the page has anyway, so nothing is lost without it.
// The entry after the one shown is fetched ahead: a decision shows it at once and is sent meanwhile, one after the other.

const EDITABLE = "input:not([type=submit]):not([type=hidden]), select, textarea, [contenteditable]";
const region = document.querySelector("[data-review]");
const toast = document.querySelector("[data-review-toast]");
// Decisions that the server may refuse because of what was typed: nothing is shown before its answer.
const TYPED = "other";

let next = null;
let sending = Promise.resolve();
// Raised where an entry is replaced: what waits to be sent about it is about another picture.
let round = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest(EDITABLE)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const controls = [...document.querySelectorAll("[data-key]")];
  const control = controls.findLast((element) => element.dataset.key === event.key.toLowerCase());
  if (!control) return;
  event.preventDefault();
  if (control.matches(EDITABLE)) control.focus();
  else control.click();
});

if (region) {
  region.addEventListener("submit", (event) => {
    if (event.submitter?.name !== "decision") return;
    event.preventDefault();
    decide(event.target, event.submitter);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-undo]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    undo(link);
  });
  enqueue(lookAhead);
}

function article() {
  return region.querySelector(".review");
}

async function lookAhead() {
  const { issue } = article().dataset;
  if (!issue) return;
  const answer = await ask(addressOf("after", issue));
  keepNext(answer.next);
}

function decide(form, button) {
  const decided = article();
  if (decided.dataset.sent) return;
  decided.dataset.sent = "true";
  region.ariaBusy = "true";
  const body = new FormData(form, button);
  const mine = round;
  enqueue(async () => {
    if (mine !== round) return;
    if (next && button.value !== TYPED) showNext(body);
    try {
      take(await ask(form.action, { method: "POST", body }));
    } catch (error) {
      delete decided.dataset.sent;
      round += 1;
      show(decided);
      say(region.dataset.textFailed, "error");
      if (error instanceof Refused) location.reload();
    }
  });
}

function showNext(body) {
  const { issue, version } = next.querySelector(".review").dataset;
  if (issue) {
    body.set("showing", issue);
    body.set("showing_version", version);
  }
  const shown = next;
  next = null;
  show(shown);
}

function undo(link) {
  if (link.dataset.sent) return;
  link.dataset.sent = "true";
  const body = new FormData();
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  enqueue(async () => {
    try {
      take(await ask(link.href, { method: "POST", body }));
    } catch {
      location.assign(link.href);
    }
  });
}

// One request at a time: the session notes what has been seen, and of two at once one would forget the other's.
function enqueue(task) {
  region.toggleAttribute("data-sending", true);
  const mine = sending.then(task).catch(() => {});
  sending = mine;
  mine.then(() => mine === sending && region.removeAttribute("data-sending"));
}

class Refused extends Error {}

async function ask(address, options = {}) {
  const response = await fetch(address, { keepalive: true, ...options, headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) throw new Refused(response.status);
  return response.json();
}

function take(answer) {
  if (answer.url) {
    location.assign(answer.url);
    return;
  }
  if (answer.shown !== null) {
    round += 1;
    show(parsed(answer.shown));
  }
  keepNext(answer.next);
  say(answer.message, answer.level);
  document.querySelector("[data-review-progress]").innerHTML = answer.progress;
}

function keepNext(html) {
  next = html === null ? null : parsed(html);
  for (const image of next?.querySelectorAll("img") ?? []) new Image().src = image.src;
}

function show(entry) {
  const before = article().dataset.issue;
  const wanted = entry.querySelector("[autofocus]");
  // Browsers look at it as a page is loaded, and complain later on.
  wanted?.removeAttribute("autofocus");
  region.replaceChildren(entry);
  region.ariaBusy = "false";
  const { issue } = article().dataset;
  document.querySelector("[name=shown]").value = issue;
  history.replaceState(null, "", issue ? addressOf("issue", issue) : addressOf("after", before));
  const place = wanted ?? region.querySelector("h2");
  place.focus({ preventScroll: true });
  if (region.getBoundingClientRect().top < 0) region.scrollIntoView();
}

function say(html, level) {
  toast.dataset.level = level;
  toast.innerHTML = html;
}

function addressOf(name, issue) {
  const address = new URL(location.href);
  for (const own of ["issue", "after", "value", "brand"]) address.searchParams.delete(own);
  address.searchParams.set(name, issue);
  return address;
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
