// Fills in the fields of a car once a photo is chosen. Without this module a button of the form does the same.

const TIMEOUT = 20000;

class CarPhoto {
  constructor(root) {
    this.root = root;
    this.input = document.getElementById(root.dataset.input);
    this.form = this.input?.form;
    if (!this.input || !this.form) return;
    this.status = root.querySelector(".aac-car-status");
    this.bar = root.querySelector(".aac-car-progress");
    this.report = root.querySelector(".aac-car-report");
    this.told = JSON.parse(this.report?.value || "{}");
    this.fields = new Map();
    for (const [name, formName] of Object.entries(JSON.parse(root.dataset.fields))) {
      const element = this.form.elements.namedItem(formName);
      if (element) this.fields.set(name, new CarField(name, element, this));
    }
    root.dataset.live = "";
    this.input.addEventListener("change", () => this.read());
    this.fields.get("brand")?.element.addEventListener("change", () => this.narrow());
    // On a slow line, a photo is chosen before this module has arrived.
    if (this.input.files.length) this.read();
  }

  // Sends the photos; choosing others meanwhile cancels it. An XMLHttpRequest: fetch cannot tell how much has been sent.
  read() {
    this.stop();
    if (!this.input.files.length) {
      this.say("");
      return;
    }
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", this.root.dataset.endpoint);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token) request.setRequestHeader("X-CSRFToken", token);
    request.upload.addEventListener("progress", (event) => this.advance(request, event.loaded / event.total));
    request.upload.addEventListener("load", () => this.advance(request));
    request.addEventListener("loadend", () => this.settle(request));
    const body = new FormData();
    for (const file of this.input.files) body.append("photos", file);
    request.send(body);
    this.say(this.root.dataset.textSending);
    this.advance(request, 0);
  }

  stop() {
    const { request } = this;
    this.request = undefined;
    request?.abort();
    clearTimeout(this.timer);
    this.bar.hidden = true;
  }

  // Shows how much has been sent; no share means all of it. A line may be slow, but it must not stand still.
  advance(request, share) {
    if (request !== this.request) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => request.abort(), TIMEOUT);
    this.bar.hidden = false;
    if (share !== undefined) this.bar.value = share;
    else {
      this.bar.removeAttribute("value");
      this.say(this.root.dataset.textReading);
    }
  }

  settle(request) {
    if (request !== this.request) return;
    const { status, response: answer } = request;
    this.stop();
    if (status === 200 && answer) this.present(answer);
    else if (answer) {
      const message = answer.errors?.[0]?.detail ?? answer.detail ?? this.root.dataset.textFailed;
      this.present({ message, fields: {}, models_by_brand: {}, twins: [] });
    } else this.say(this.root.dataset.textFailed);
  }

  present(answer) {
    this.modelsByBrand = answer.models_by_brand;
    const told = {};
    for (const [name, field] of this.fields) {
      // Corrected by the seller: what is to come does not get into it, and this is the answer that he has seen.
      if (field.typed && this.told[name]?.state === "filled") told[name] = this.told[name];
      field.undo();
    }
    // The brand first: it decides which models may follow.
    for (const [name, field] of this.fields) {
      const suggestion = answer.fields[name];
      if (suggestion) told[name] ??= { ...this.tell(name, field, suggestion), model_version: answer.model_version };
    }
    this.told = told;
    if (this.report) this.report.value = JSON.stringify(told);
    this.narrow();
    const { textTwins } = this.root.dataset;
    const twins = answer.twins.length ? ` ${textTwins.replace("%cars", answer.twins.join(", "))}` : "";
    // Of several photos some may have been left out.
    this.say(`${answer.refused ?? ""} ${answer.message}${twins}`.trim());
  }

  // Fills the field in if that may be; returns what the form tells of it, for the server to record with the saved ad.
  tell(name, field, { options, accepted: sure }) {
    const filled = sure && this.fits(name, options[0].value) && field.fill(options[0]);
    const state = filled ? "filled" : field.typed ? "stated" : "empty";
    return { options: options.map((option) => option.value), sure, state };
  }

  fits(name, value) {
    const brand = this.fields.get("brand")?.element.value;
    if (name !== "car_model" || !brand || !this.modelsByBrand[brand]) return true;
    return this.modelsByBrand[brand].some((option) => option.value === value);
  }

  // Leaves the models of the chosen brand to choose from, the most probable first, from the answer already given.
  narrow() {
    const brand = this.fields.get("brand")?.element.value;
    const field = this.fields.get("car_model");
    if (!field || field.element.tagName !== "SELECT" || !this.modelsByBrand) return;
    field.options ??= [...field.element.options];
    const ranked = brand ? this.modelsByBrand[brand] : undefined;
    const rank = new Map((ranked ?? []).map((option, place) => [option.value, place]));
    const kept = field.options.filter((option) => !option.value || !ranked || rank.has(option.value));
    kept.sort((first, second) => (rank.get(first.value) ?? -1) - (rank.get(second.value) ?? -1));
    const chosen = field.element.value;
    field.element.replaceChildren(...(ranked ? kept : field.options));
    const possible = [...field.element.options].some((option) => option.value === chosen);
    if (possible) field.element.value = chosen;
    else {
      field.element.value = "";
      field.clear();
    }
  }

  say(text) {
    this.status.textContent = text;
  }
}

class CarField {
  constructor(name, element, owner) {
    this.name = name;
    this.element = element;
    this.owner = owner;
    this.described = element.getAttribute("aria-describedby") ?? "";
    // Still holds what a photo filled in, as in a form that was sent back with an error.
    const told = owner.told[name];
    this.filled = told?.state === "filled" && element.value === told.options[0];
    // What the seller has typed or chosen, or what the ad had already, is never overwritten.
    this.typed = element.value !== "" && !this.filled;
    for (const kind of ["input", "change"]) {
      element.addEventListener(kind, (event) => {
        if (event.isTrusted || !this.filling) {
          this.typed = element.value !== "";
          this.clear();
        }
      });
    }
  }

  // Returns whether the value is in the field now.
  fill(option) {
    const known = this.element.tagName !== "SELECT" || [...this.element.options].some((item) => item.value === option.value);
    if (this.typed || !known) return false;
    this.set(option.value);
    this.filled = true;
    this.note(option);
    return true;
  }

  set(value) {
    this.filling = true;
    this.element.value = value;
    this.element.dispatchEvent(new Event("change", { bubbles: true }));
    this.filling = false;
  }

  note(option) {
    const { dataset } = this.owner.root;
    const note = document.createElement("p");
    note.className = "aac-car-note";
    note.id = `${this.element.id}_from_photo`;
    const text = document.createElement("span");
    const confidence = this.owner.root.getAttribute(`data-text-${option.confidence}`) ?? "";
    text.textContent = dataset.textSuggested.replace("%confidence", confidence).replace("%percent", Math.round(100 * option.probability));
    const undo = document.createElement("button");
    undo.type = "button";
    undo.className = "aac-car-undo";
    undo.textContent = dataset.textUndo;
    undo.addEventListener("click", () => {
      this.undo();
      this.element.focus();
    });
    note.append(text, undo);
    this.element.after(note);
    this.element.classList.add("aac-car-filled");
    this.element.setAttribute("aria-describedby", `${this.described} ${note.id}`.trim());
    this.shown = note;
  }

  undo() {
    if (!this.filled) return;
    this.clear();
    this.set("");
  }

  // Takes the mark away and leaves the value.
  clear() {
    this.filled = false;
    this.shown?.remove();
    this.shown = undefined;
    this.element.classList.remove("aac-car-filled");
    if (this.described) this.element.setAttribute("aria-describedby", this.described);
    else this.element.removeAttribute("aria-describedby");
  }
}

for (const root of document.querySelectorAll("[data-aac-car][data-endpoint]")) new CarPhoto(root);
