// Suggests categories below a title input as it is typed. Without this module the form's own button does the same.

const DELAY = 250;
const TIMEOUT = 5000;
const SHORTEST_TITLE = 3;

class CategorySuggestions {
  constructor(root) {
    this.root = root;
    this.input = document.getElementById(root.dataset.input);
    this.form = this.input?.form;
    if (!this.input || !this.form) return;
    this.status = root.querySelector(".aac-status");
    this.answers = root.querySelector(".aac-answers");
    this.report = root.querySelector(`[name="${root.dataset.category}_suggestions"]`);
    // In a form that was sent back, what was taken before stays taken.
    const { taken, taken_rank } = JSON.parse(this.report?.value || "{}");
    if (taken) this.taken = { taken, taken_rank };
    this.active = -1;
    this.options = [];
    this.buildList();
    root.dataset.live = "";
    this.input.addEventListener("input", () => this.schedule());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.mark(-1));
    this.form.addEventListener("submit", (event) => {
      // Buttons that save nothing do without validation.
      if (!event.submitter?.formNoValidate) this.tell();
    });
    // On a slow line, words are typed before this module has arrived.
    if (this.input.value !== this.input.defaultValue) this.schedule();
  }

  buildList() {
    this.list = document.createElement("ul");
    this.list.id = `${this.input.id}_suggestions`;
    this.list.className = "aac-list";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.root.dataset.textList);
    this.status.before(this.list);
    const input = this.input;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.list.id);
    this.show([]);
  }

  schedule() {
    clearTimeout(this.timer);
    this.request?.abort();
    const title = this.input.value.trim();
    if (title.length < SHORTEST_TITLE) {
      this.show([]);
      this.say("");
      return;
    }
    this.timer = setTimeout(() => this.ask(title), DELAY);
  }

  async ask(title) {
    const request = new AbortController();
    this.request = request;
    const timeout = setTimeout(() => request.abort("timeout"), TIMEOUT);
    try {
      const answer = await this.fetch(title, request.signal);
      if (request !== this.request) return;
      this.offered = answer;
      this.present(answer.suggestions);
    } catch {
      // Aborted by further typing: a newer request is on its way.
      if (request !== this.request || (request.signal.aborted && request.signal.reason !== "timeout")) return;
      this.show([]);
      this.say(this.root.dataset.textFailed);
    } finally {
      clearTimeout(timeout);
    }
  }

  async fetch(title, signal) {
    const response = await this.post(this.root.dataset.endpoint, { title, limit: Number(this.root.dataset.limit) }, { signal });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  post(url, data, options) {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token) headers["X-CSRFToken"] = token;
    return fetch(url, { method: "POST", headers, body: JSON.stringify(data), credentials: "same-origin", ...options });
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
    this.show(suggestions);
    const { textNone, textOne, textMany } = this.root.dataset;
    if (!suggestions.length) this.say(textNone);
    else this.say(suggestions.length === 1 ? textOne : textMany.replace("%n", suggestions.length));
  }

  show(suggestions) {
    this.answers.replaceChildren();
    this.options = suggestions.map((suggestion, index) => this.option(suggestion, index));
    this.list.replaceChildren(...this.options);
    this.list.hidden = !this.options.length;
    this.input.setAttribute("aria-expanded", String(this.options.length > 0));
    this.mark(-1);
  }

  option(suggestion, index) {
    const item = document.createElement("li");
    item.id = `${this.list.id}_${index}`;
    item.className = "aac-option";
    item.setAttribute("role", "option");
    item.dataset.value = suggestion.value;
    const path = document.createElement("span");
    path.className = "aac-path";
    path.textContent = suggestion.path.map((step) => step.name).join(" › ");
    const confidence = document.createElement("span");
    confidence.className = "aac-confidence";
    confidence.textContent = this.root.getAttribute(`data-text-${suggestion.confidence}`) ?? "";
    item.append(path, confidence);
    // The input keeps the focus, so that typing can go on.
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => this.take(item));
    return item;
  }

  onKey(event) {
    const count = this.options.length;
    if (!count || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.mark(this.active < 0 ? (step > 0 ? 0 : count - 1) : (this.active + step + count) % count);
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.take(this.options[this.active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.show([]);
      this.say("");
    }
  }

  mark(index) {
    this.active = index;
    this.options.forEach((option, position) => option.setAttribute("aria-selected", String(position === index)));
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", this.options[index].id);
  }

  take(option) {
    const field = this.form.elements.namedItem(this.root.dataset.category);
    const known = field && (field.tagName !== "SELECT" || [...field.options].some((item) => item.value === option.dataset.value));
    if (!known) {
      this.say(this.root.dataset.textMissing);
      return;
    }
    field.value = option.dataset.value;
    this.takenFrom = this.offered;
    this.taken = { taken: option.dataset.value, taken_rank: this.options.indexOf(option) + 1 };
    field.dispatchEvent(new Event("change", { bubbles: true }));
    const path = option.querySelector(".aac-path").textContent;
    this.show([]);
    this.say(this.root.dataset.textTaken.replace("%path", path));
  }

  say(text) {
    this.status.textContent = text;
  }
}

for (const root of document.querySelectorAll("[data-aac][data-endpoint]")) new CategorySuggestions(root);
