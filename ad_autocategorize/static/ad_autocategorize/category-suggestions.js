// Suggests categories below a title input as it is typed. Without this module the form's own button does the same.

const { FormElement, FormField, define } = globalThis.adAutocategorize;
// Of a word that is finished, and of one that may still be typed.
const DELAY = 150;
const PAUSE = 700;
const TIMEOUT = 5000;
const SHORTEST_TITLE = 3;
const FINISHED = /[\s.,;:!?)/]$/;
// No talk of keys where there are none.
const TOUCH = matchMedia("(hover: none)");
const TOUCHED = { one: "one-touch", many: "many-touch", sure: "many-touch" };
const OFFERS = new Set(["one", "many", "sure", "one-touch", "many-touch"]);
// Photos are sent small: the network looks at no more, and a phone's line is slow.
const PHOTO_TIMEOUT = 20000;
// So long a title has to stay as it is before photos are sent with it: each time counts against the site's rate for photos.
const SETTLED = 1500;
const LONGEST_SIDE = 448;
const MOST_PHOTOS = 6;
let made = 0;

class CategorySuggestions extends FormElement {
  control() {
    return this.dataset.endpoint && this.querySelector("input:not([type=hidden]), textarea");
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.stop();
    this.stopRefining();
  }

  start(input, signal) {
    this.input = input;
    this.form = input.form;
    this.report = this.querySelector(".aac-report");
    this.status = this.querySelector(".aac-status");
    this.answers = this.querySelector(".aac-answers");
    // In a form that was sent back, what was taken before stays taken.
    const { taken, taken_rank } = JSON.parse(this.report?.value || "{}");
    this.taken = taken ? { taken, taken_rank } : undefined;
    this.active = -1;
    this.options = [];
    this.build();
    this.listen(signal);
    this.dataset.live = "";
    // On a slow line, words are typed before this module has arrived.
    if (document.activeElement === this.input && this.input.value !== this.input.defaultValue) this.schedule();
  }

  build() {
    // A copy of a page that was alive, as Turbo keeps and some formsets make.
    for (const list of this.querySelectorAll(".aac-list")) list.remove();
    this.list = document.createElement("ul");
    this.list.id = `aac-suggestions-${++made}`;
    this.list.className = "aac-list";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.dataset.textList);
    this.answers.before(this.list);
    const { input } = this;
    if (input.getAttribute("role") === "combobox") input.removeAttribute("autocomplete");
    this.autocomplete = input.getAttribute("autocomplete");
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.list.id);
    this.show([]);
  }

  listen(signal) {
    const { input, form } = this;
    input.addEventListener("input", () => this.schedule(), { signal });
    input.addEventListener("keydown", (event) => this.onKey(event), { signal });
    // Browsers' own history of titles would cover the list. They neither keep what was typed where it is off for good.
    input.addEventListener("focus", () => this.enter(), { signal });
    input.addEventListener("blur", () => this.leave(), { signal });
    window.addEventListener("pagehide", () => this.leave(), { signal });
    form.addEventListener("change", (event) => this.onChange(event), { signal });
    form.addEventListener("submit", (event) => this.onSubmit(event), { signal });
    if (document.activeElement === input) input.autocomplete = "off";
  }

  // The field of this very form, and of this row of a formset; it may be replaced at any time.
  get field() {
    return FormField.beside(this.input, this.dataset.title, this.dataset.category);
  }

  // The form's own photo input, where the site looks at photos for the category.
  get photos() {
    const field = this.dataset.photos && FormField.beside(this.input, this.dataset.title, this.dataset.photos);
    return field?.controls.find((control) => control.type === "file");
  }

  enter() {
    this.input.autocomplete = "off";
    // What the photos have added meanwhile was said, and is shown where the seller looks for it.
    if (this.isCurrent(this.refined) && !this.field?.value) this.show(this.refined.suggestions);
  }

  leave() {
    if (this.autocomplete === null) this.input.removeAttribute("autocomplete");
    else this.input.setAttribute("autocomplete", this.autocomplete);
    this.stop();
    this.show([]);
  }

  onSubmit(event) {
    this.leave();
    // Buttons that save nothing do without validation.
    if (!event.submitter?.formNoValidate) this.tell();
  }

  // The category is the seller's: what the form says of it follows.
  onChange(event) {
    const { field } = this;
    if (event.target === this.photos) {
      this.refine();
      return;
    }
    if (this.setting || !field?.controls.includes(event.target)) return;
    if (this.said === "taken" && !field.values.includes(this.taken?.taken)) this.say("");
    this.show([]);
  }

  stop() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = undefined;
  }

  schedule() {
    this.stop();
    this.stopRefining();
    // The list stays until there is another one, but Enter takes nothing of it: it was for another title.
    this.mark(-1);
    const text = this.input.value;
    const title = text.trim();
    if (title.length < SHORTEST_TITLE) {
      this.show([]);
      this.say("");
      return;
    }
    // Half a word is another word: "clase" is no Mercedes yet.
    this.timer = setTimeout(() => this.ask(title), FINISHED.test(text) ? DELAY : PAUSE);
  }

  async ask(title) {
    const request = new AbortController();
    this.request = request;
    const timeout = setTimeout(() => request.abort("timeout"), TIMEOUT);
    try {
      const answer = await this.fetch(title, request.signal);
      if (request !== this.request) return;
      this.offered = answer;
      this.answered = title;
      this.refined = undefined;
      this.present(answer.suggestions);
      this.refine(SETTLED);
    } catch {
      // Aborted by further typing: a newer request is on its way.
      if (request !== this.request || (request.signal.aborted && request.signal.reason !== "timeout")) return;
      this.show([]);
      this.say("failed");
    } finally {
      clearTimeout(timeout);
      if (request === this.request) this.request = undefined;
    }
  }

  // Whether an answer is for the title and the photos that the form holds now.
  isCurrent(answer) {
    return answer?.title === this.input.value.trim() && answer.files === this.photosKey();
  }

  photosKey() {
    return [...(this.photos?.files ?? [])].map((file) => `${file.name} ${file.size} ${file.lastModified}`).join("\n");
  }

  // Asks once more with the photos, where the title alone is not sure and the seller has chosen nothing yet.
  async refine(delay = 0) {
    this.stopRefining();
    const title = this.input.value.trim();
    const files = [...(this.photos?.files ?? [])].slice(0, MOST_PHOTOS);
    const sure = this.answered === title && this.offered?.suggestions[0]?.confidence === "very_likely";
    if (!files.length || sure || this.field?.value) return;
    const request = new AbortController();
    this.refining = request;
    const timeout = setTimeout(() => request.abort(), delay + PHOTO_TIMEOUT);
    const key = this.photosKey();
    try {
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (request.signal.aborted) return;
      const body = new FormData();
      body.append("title", title);
      body.append("limit", this.dataset.limit);
      for (const photo of await Promise.all(files.map(shrink))) body.append("photos", photo, "photo");
      const answer = await this.post(body, {}, request.signal);
      this.refined = { title, files: key, suggestions: answer.suggestions };
      // Typed on, or chosen, while the photos were under way: what is to come is another question.
      if (!answer.photos_used || !this.isCurrent(this.refined) || this.field?.value || this.request) return;
      this.offered = answer;
      this.answered = title;
      this.presentRefined(answer.suggestions);
    } catch {
      // The title's own suggestions stay.
    } finally {
      clearTimeout(timeout);
    }
  }

  stopRefining() {
    this.refining?.abort();
    this.refining = undefined;
  }

  // Changes nothing under the seller's hands: a list that says the same stays, and so does one that they are choosing from.
  presentRefined(suggestions) {
    const shown = this.options.map((option) => option.dataset.value);
    const same = suggestions.length === shown.length && suggestions.every(({ value }, place) => value === shown[place]);
    if (!suggestions.length || same || this.active >= 0) return;
    if (document.activeElement === this.input) this.present(suggestions);
    else this.say(TOUCH.matches ? "refined-touch" : "refined", { path: suggestions[0].path.at(-1).name });
  }

  fetch(title, signal) {
    const body = JSON.stringify({ title, limit: Number(this.dataset.limit) });
    return this.post(body, { "Content-Type": "application/json" }, signal);
  }

  async post(body, kind, signal) {
    const headers = { ...kind, Accept: "application/json" };
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token) headers["X-CSRFToken"] = token;
    const response = await fetch(this.dataset.endpoint, { method: "POST", headers, body, credentials: "same-origin", signal });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  // Tells with the form which suggestions were shown last and which was taken; the server records it with the saved ad.
  tell() {
    // After another title nothing may be left to suggest: what was taken was taken from the list before.
    const told = this.offered?.suggestions.length ? this.offered : this.takenFrom;
    if (!this.report || !told) return;
    const shown = told.suggestions.map((suggestion) => suggestion.value);
    this.report.value = JSON.stringify({ model_version: told.model_version, shown, ...this.taken });
  }

  present(suggestions) {
    const { field } = this;
    // Nothing to choose any more: the ad stands where the first suggestion would put it.
    const settled = suggestions.length > 0 && field?.values.includes(suggestions[0].value);
    this.show(settled ? [] : suggestions);
    if (settled || !suggestions.length) {
      // What was taken is still so; of nothing, once and quietly.
      if (this.said !== "taken") this.say(field?.value ? "" : "none");
      return;
    }
    // Enter takes what is all but certain, where the seller has chosen nothing yet, and that is seen before it is pressed.
    const [first] = suggestions;
    const sure = first.confidence === "very_likely" && field && !field.value;
    if (sure) this.mark(0);
    const kind = sure ? "sure" : suggestions.length === 1 ? "one" : "many";
    this.say(TOUCH.matches ? TOUCHED[kind] : kind, { n: suggestions.length, path: first.path.at(-1).name });
  }

  show(suggestions) {
    this.answers.replaceChildren();
    this.options = suggestions.map((suggestion, index) => this.option(suggestion, index));
    this.list.replaceChildren(...this.options);
    this.list.hidden = !this.options.length;
    this.input.setAttribute("aria-expanded", String(this.options.length > 0));
    this.mark(-1);
    if (!this.options.length && OFFERS.has(this.said)) this.say("");
  }

  option(suggestion, index) {
    const item = document.createElement("li");
    item.id = `${this.list.id}-${index}`;
    item.className = "aac-option";
    item.setAttribute("role", "option");
    item.dataset.value = suggestion.value;
    const names = suggestion.path.map((step) => step.name);
    const parts = [
      ["aac-leaf", names.at(-1)],
      ["aac-confidence", this.getAttribute(`data-text-${suggestion.confidence}`) ?? ""],
      ["aac-path", names.slice(0, -1).join(" › ")],
    ];
    for (const [className, text] of parts) {
      const part = document.createElement("span");
      part.className = className;
      part.textContent = text;
      if (text) item.append(part, " ");
    }
    // The input keeps the focus, so that typing can go on.
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => this.take(item, names.join(" › ")));
    return item;
  }

  onKey(event) {
    if (event.isComposing) return;
    const count = this.options.length;
    if (event.key === "Enter") {
      if (this.active >= 0) {
        event.preventDefault();
        this.options[this.active].click();
      }
    } else if (!count) {
      // The list of this very title, once more.
      if (event.key !== "ArrowDown" || !this.offered?.suggestions.length || this.answered !== this.input.value.trim()) return;
      event.preventDefault();
      this.show(this.offered.suggestions);
      this.mark(0);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.mark(this.active < 0 ? (step > 0 ? 0 : count - 1) : (this.active + step + count) % count);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.show([]);
    }
  }

  mark(index) {
    this.active = index;
    this.options.forEach((option, position) => option.setAttribute("aria-selected", String(position === index)));
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", this.options[index].id);
  }

  take(option, path) {
    const { field } = this;
    const { value } = option.dataset;
    const rank = this.options.indexOf(option) + 1;
    this.stop();
    this.stopRefining();
    this.show([]);
    if (!field?.takes(value)) {
      this.say("missing");
      return;
    }
    this.takenFrom = this.offered;
    this.taken = { taken: value, taken_rank: rank };
    this.setting = true;
    field.set(value, path);
    this.setting = false;
    this.say("taken", { path });
  }

  // One of the texts of the page, or nothing.
  say(kind, { path = "", n = "" } = {}) {
    this.said = kind;
    const text = kind && (this.getAttribute(`data-text-${kind}`) ?? "");
    const told = text.replace("%path", path).replace("%n", n);
    // Said once: the same text again would be read out again.
    if (this.status.textContent !== told) this.status.textContent = told;
  }
}

// A photo as small as the network looks at it; as it is, where this browser cannot draw it.
async function shrink(file) {
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return (await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9))) ?? file;
  } catch {
    return file;
  }
}

define("aac-suggestions", CategorySuggestions);
