// Shows the photos chosen in a file input, and takes in those that are dropped, pasted or taken with the camera. The input
// stays the form's field and holds them all. Pictures are drawn: a strict policy lets no page show a file under an address.

const { FormElement, define } = globalThis.adAutocategorize;
const LONGEST_SIDE = 320;

class PhotoInput extends FormElement {
  control() {
    return this.querySelector("input[type=file][data-aac-photos]");
  }

  start(input, signal) {
    this.input = input;
    this.texts = input.dataset;
    this.build();
    input.addEventListener("change", () => this.refresh(), { signal });
    input.form?.addEventListener("change", ({ target }) => target.name === `${input.name}_keep` && this.refresh(), { signal });
    input.form?.addEventListener("reset", () => setTimeout(() => this.refresh()), { signal });
    document.addEventListener("paste", (event) => this.onPaste(event), { signal });
    for (const kind of ["dragenter", "dragover"]) this.addEventListener(kind, (event) => this.onDrag(event), { signal });
    this.addEventListener("dragleave", (event) => this.contains(event.relatedTarget) || this.leave(), { signal });
    this.addEventListener("drop", (event) => this.onDrop(event), { signal });
    // Chosen before this module has arrived.
    this.refresh();
  }

  // How many more photos the form takes, beside those that the site holds from an earlier try.
  get most() {
    const kept = [...this.input.form.elements].filter((box) => box.name === `${this.input.name}_keep` && box.checked);
    return (Number(this.texts.most) || Infinity) - kept.length;
  }

  build() {
    // A copy of a page that was alive, as Turbo keeps and some formsets make.
    for (const box of this.querySelectorAll(".aac-photos")) box.remove();
    const box = document.createElement("div");
    box.className = "aac-photos";
    const hint = document.createElement("p");
    hint.className = "aac-photos-hint";
    hint.textContent = this.texts.textHint;
    this.list = document.createElement("ul");
    this.list.className = "aac-photos-list";
    this.list.setAttribute("aria-label", this.texts.textList);
    this.status = document.createElement("p");
    this.status.className = "aac-photos-status";
    this.status.setAttribute("role", "status");
    box.append(hint, ...this.camera(), this.list, this.status);
    this.input.after(box);
  }

  // An input that asks for the camera offers no gallery, so the camera has a button and an input of its own.
  camera() {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: this.input.accept || "image/*", hidden: true });
    input.setAttribute("capture", "environment");
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    });
    const button = document.createElement("button");
    button.type = "button";
    button.className = "aac-photos-camera";
    button.textContent = this.texts.textCamera;
    button.addEventListener("click", () => input.click());
    return [button, input];
  }

  add(files) {
    const photos = [...files].filter((file) => this.accepts(file));
    if (this.input.disabled || !files.length) return;
    if (photos.length) this.set(this.input.multiple ? [...this.input.files, ...photos] : photos.slice(0, 1));
    if (photos.length < files.length) this.say(this.texts.textRefused);
    else if (this.input.validity.valid) this.say(this.texts.textChosen.replace("%n", this.input.files.length));
  }

  accepts(file) {
    const kinds = (this.input.accept || "image/*").split(",").map((kind) => kind.trim().toLowerCase());
    const name = file.name.toLowerCase();
    return kinds.some((kind) => {
      if (kind.startsWith(".")) return name.endsWith(kind);
      return kind.endsWith("/*") ? file.type.startsWith(kind.slice(0, -1)) : file.type === kind;
    });
  }

  set(files) {
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    this.input.files = transfer.files;
    for (const kind of ["input", "change"]) this.input.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  async refresh() {
    const files = [...this.input.files];
    this.shown = files;
    // A form that is refused comes back without its photos, so that it is better not sent.
    const tooMany = files.length > this.most ? this.texts.textMost.replace("%n", this.most) : "";
    this.input.setCustomValidity(tooMany);
    this.say(tooMany);
    const items = files.map((file, index) => this.item(file, index));
    this.list.replaceChildren(...items);
    for (const [index, file] of files.entries()) {
      // One at a time: a phone's photos are large. Other photos have been chosen meanwhile?
      if (this.shown !== files) return;
      await draw(items[index].querySelector("canvas"), file);
    }
  }

  item(file, index) {
    const item = document.createElement("li");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", this.texts.textPhoto.replace("%n", index + 1).replace("%name", file.name));
    const name = document.createElement("span");
    name.className = "aac-photos-name";
    name.textContent = file.name;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "aac-photos-remove";
    remove.textContent = "×";
    remove.setAttribute("aria-label", this.texts.textRemove.replace("%name", file.name));
    remove.addEventListener("click", () => this.drop(index));
    item.append(canvas, name, remove);
    return item;
  }

  drop(index) {
    this.set([...this.input.files].filter((file, place) => place !== index));
    const buttons = this.list.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.input).focus();
  }

  onDrag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.classList.add("aac-photos-over");
  }

  onDrop(event) {
    this.leave();
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    this.add(event.dataTransfer.files);
  }

  leave() {
    this.classList.remove("aac-photos-over");
  }

  onPaste(event) {
    const { files, types } = event.clipboardData;
    if (!files.length || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const form = target.closest("form");
    // Words copied together with a picture are meant for the text.
    const typing = target.closest("input, textarea, [contenteditable]") && types.includes("text/plain");
    if (typing || (form && form !== this.input.form)) return;
    event.preventDefault();
    this.add(files);
  }

  say(text) {
    this.status.textContent = text;
  }
}

async function draw(canvas, file) {
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
  } catch {
    // Nothing this browser can draw, such as HEIC: its name stands there alone.
    canvas.remove();
  }
}

define("aac-photo-input", PhotoInput);

// A photo dropped beside the field would replace the page, and all that was typed with it.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files") || event.defaultPrevented) return;
    if (document.querySelector("aac-photo-input") && !event.target.closest?.("input[type=file]")) event.preventDefault();
  });
}
