// One field of a car: what photo and title say of it, and what is marked below it. ``car-photo.js`` has one for each.

let made = 0;

class CarField {
  constructor(name, field, owner) {
    this.name = name;
    this.field = field;
    this.owner = owner;
    this.described = field.element.getAttribute("aria-describedby") ?? "";
    // Still holds what a photo filled in, as in a form that was sent back with an error.
    const told = owner.told[name];
    if (told?.state === "filled" && field.value === told.options[0]) this.origin = "photo";
    // What the seller has typed or chosen, or what the ad had already, is never overwritten.
    this.typed = field.value !== "" && !this.origin;
    this.life = new AbortController();
    for (const control of field.controls) {
      for (const kind of ["input", "change"]) {
        control.addEventListener(kind, () => this.setting || this.onTyped(), { signal: this.life.signal });
      }
    }
    if (!field.isSelect) return;
    // A host may bring the models only once the brand is chosen.
    this.observer = new MutationObserver(() => this.onOptions());
    this.observer.observe(field.first, { childList: true, subtree: true });
  }

  sleep() {
    this.life.abort();
    this.observer?.disconnect();
    this.unmark();
  }

  onTyped() {
    this.origin = undefined;
    this.typed = this.field.value !== "";
    this.unmark();
  }

  onOptions() {
    this.all = undefined;
    if (this.typed || this.field.value) return;
    // What was filled in went with the options that held it, or was waiting for these.
    if (this.waiting && this.field.offers(this.waiting.option.value)) this.put(this.waiting.option, this.waiting.origin);
  }

  // Takes in what title and photo are sure of. Returns whose value the field holds now, where it was filled in.
  offer(title, photo) {
    this.unmark();
    this.waiting = undefined;
    if (this.typed) {
      this.noteDifference(title, "title");
      this.noteDifference(photo, "photo");
      return undefined;
    }
    const [option, origin] = title && this.possible(title, "title") ? [title, "title"] : [photo, "photo"];
    if (!option || !this.possible(option, origin)) {
      // Nothing is known any more of what an earlier photo filled in.
      if (this.origin) this.clear();
    } else if (!this.field.takes(option.value)) {
      // Its option may be on its way.
      if (this.origin) this.clear();
      this.waiting = { option, origin };
    } else this.put(option, origin);
    if (this.origin === "title") this.noteDifference(photo, "photo");
    return this.origin;
  }

  // A model that does not go with the brand, or a brand without the seller's own model, is not filled in.
  possible(option, origin) {
    const { owner } = this;
    if (this.name === "car_model") return owner.fits(option.value, origin);
    const model = this.name === "brand" && owner.fields.get("car_model");
    if (!model?.typed) return true;
    return owner.modelsByBrand.get(option.value)?.some((other) => other.value === model.field.value) ?? false;
  }

  put(option, origin) {
    this.waiting = undefined;
    this.origin = origin;
    if (this.field.value !== option.value) this.set(option);
    // The host's own scripts may have refused it.
    if (this.field.value !== option.value) {
      this.origin = undefined;
      return;
    }
    this.note(this.words(origin, option), this.owner.dataset.textUndo, () => this.clear());
    this.field.element.classList.add("aac-car-filled");
  }

  set({ value, label }) {
    this.setting = true;
    this.field.set(value, label);
    this.setting = false;
  }

  clear() {
    this.unmark();
    this.origin = undefined;
    this.set({ value: "" });
  }

  words(origin, option) {
    const { owner } = this;
    if (origin === "title") return owner.dataset.textFromTitle;
    const confidence = owner.getAttribute(`data-text-${option.confidence}`) ?? "";
    const percent = Math.round(100 * option.probability);
    return owner.dataset.textFromPhoto.replace("%confidence", confidence).replace("%percent", percent);
  }

  // Where photo or title says something else than the field, both are there to see, and one press takes the other.
  noteDifference(option, origin) {
    if (!option || same(option.value, this.field.value)) return;
    const { dataset } = this.owner;
    const text = origin === "photo" ? dataset.textPhotoSays : dataset.textTitleSays;
    if (origin === "photo") this.differs = true;
    const take = () => {
      this.typed = true;
      this.origin = undefined;
      this.unmark();
      this.set(option);
    };
    this.note(text.replace("%value", option.label), this.field.takes(option.value) ? dataset.textTake : "", take);
  }

  note(text, label, press) {
    this.shown ??= this.makeNotes();
    const note = document.createElement("p");
    note.className = "aac-car-note";
    const words = document.createElement("span");
    words.textContent = text;
    note.append(words);
    if (label) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "aac-car-undo";
      button.textContent = label;
      button.addEventListener("click", () => {
        press();
        this.field.element.focus();
      });
      note.append(button);
    }
    this.shown.append(note);
  }

  makeNotes() {
    const notes = document.createElement("div");
    notes.className = "aac-car-notes";
    notes.id = `aac-car-notes-${++made}`;
    notes.dataset.field = this.name;
    const { element, isChoice, controls } = this.field;
    // After all the radio buttons, not among them.
    const last = isChoice ? controls.at(-1).closest("label") ?? controls.at(-1) : element;
    last.after(notes);
    element.setAttribute("aria-describedby", `${this.described} ${notes.id}`.trim());
    this.marked = element;
    return notes;
  }

  // Takes the marks away and leaves the value.
  unmark() {
    this.differs = false;
    this.shown?.remove();
    this.shown = undefined;
    for (const control of this.field.controls) control.classList.remove("aac-car-filled");
    if (!this.marked) return;
    if (this.described) this.marked.setAttribute("aria-describedby", this.described);
    else this.marked.removeAttribute("aria-describedby");
    this.marked = undefined;
  }

  // Leaves these options to choose from, in this order; all of them for nothing.
  narrow(ranked) {
    const select = this.field.first;
    if (this.field.isRemote) return;
    this.all ??= [...select.children];
    // Groups are the host's own order.
    if (this.all.some((child) => child.tagName !== "OPTION")) return;
    const rank = new Map((ranked ?? []).map((option, place) => [option.value, place]));
    const kept = this.all.filter((option) => !option.value || !ranked || rank.has(option.value));
    if (ranked) kept.sort((first, second) => (rank.get(first.value) ?? -1) - (rank.get(second.value) ?? -1));
    const chosen = select.value;
    const { all } = this;
    select.replaceChildren(...kept);
    this.observer.takeRecords();
    this.all = all;
    if (kept.some((option) => option.value === chosen)) select.value = chosen;
    else if (chosen) {
      this.unmark();
      this.origin = undefined;
      this.typed = false;
      this.set({ value: "" });
    }
  }
}

// Some hosts' fields are texts, and a seller who writes the name in small letters says the same.
function same(first, second) {
  return first.trim().toLowerCase() === second.trim().toLowerCase();
}

globalThis.adAutocategorize.CarField ??= CarField;
