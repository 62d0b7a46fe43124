// Shows the photos chosen in a file input, and takes in those that are dropped, pasted or taken with the camera. The input
// stays the form's field and holds them all. Pictures are drawn: a strict policy lets no page show a file under an address.

const LONGEST_SIDE = 320;

class PhotoInput {
  constructor(input) {
    this.input = input;
    this.texts = input.dataset;
    this.most = Number(input.dataset.most) || Infinity;
    this.build();
    input.addEventListener("change", () => this.show());
    input.form?.addEventListener("reset", () => setTimeout(() => this.show()));
    document.addEventListener("paste", (event) => this.onPaste(event));
    const zone = input.parentElement;
    for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => this.onDrag(event, zone));
    zone.addEventListener("dragleave", (event) => zone.contains(event.relatedTarget) || this.leave(zone));
    zone.addEventListener("drop", (event) => this.onDrop(event, zone));
    // Chosen before this module has arrived.
    this.show();
  }

  build() {
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

  async show() {
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
    remove.addEventListener("click", () => this.remove(index));
    item.append(canvas, name, remove);
    return item;
  }

  remove(index) {
    this.set([...this.input.files].filter((file, place) => place !== index));
    const buttons = this.list.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.input).focus();
  }

  onDrag(event, zone) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    zone.classList.add("aac-photos-over");
  }

  onDrop(event, zone) {
    this.leave(zone);
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    this.add(event.dataTransfer.files);
  }

  leave(zone) {
    zone.classList.remove("aac-photos-over");
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

const inputs = [...document.querySelectorAll("input[type=file][data-aac-photos]")].map((input) => new PhotoInput(input));

// A photo dropped beside the field would replace the page, and all that was typed with it.
for (const kind of inputs.length ? ["dragover", "drop"] : []) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files") || event.defaultPrevented) return;
    if (!event.target.closest?.("input[type=file]")) event.preventDefault();
  });
}
