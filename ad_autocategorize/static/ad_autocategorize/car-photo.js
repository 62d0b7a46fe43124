// Fills in the fields of a car from a photo, once one is chosen, and from the title. Without this module a button of the form
// does the same.

const { CarField, FormElement, FormField, define } = globalThis.adAutocategorize;
const TIMEOUT = 20000;

class CarForm extends FormElement {
  control() {
    return this.dataset.endpoint && this.querySelector("input:not([type=hidden]), textarea");
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.request?.abort();
    clearTimeout(this.timer);
    for (const field of this.fields?.values() ?? []) field.sleep();
  }

  start(control, signal) {
    this.anchor = control;
    this.form = control.form;
    this.photos = control.type === "file" ? control : undefined;
    this.status = this.querySelector(".aac-car-status");
    this.bar = this.querySelector(".aac-car-progress");
    this.report = this.querySelector(".aac-car-report");
    this.told = JSON.parse(this.report?.value || "{}");
    // What photo and title say, by field; and the models of a brand, the most probable first.
    this.said = { photo: {}, title: {} };
    this.modelsByBrand = new Map();
    this.fields = new Map();
    for (const [name, own] of Object.entries(JSON.parse(this.dataset.fields))) {
      const field = this.beside(own);
      if (field) this.fields.set(name, new CarField(name, field, this));
    }
    this.cars = this.dataset.cars && new Set(JSON.parse(this.dataset.cars));
    this.dataset.live = "";
    this.listen(signal);
    this.showSection();
    // On a slow line, a photo is chosen before this module has arrived.
    if (this.photos?.files.length) this.read();
    this.narrow();
  }

  listen(signal) {
    this.photos?.addEventListener("change", () => this.read(), { signal });
    this.form.addEventListener("change", (event) => this.onChange(event), { signal });
  }

  beside(own) {
    return own ? FormField.beside(this.anchor, this.dataset.own, own) : undefined;
  }

  onChange({ target }) {
    if (this.beside(this.dataset.category)?.controls.includes(target)) this.onCategory();
    else if (this.beside(this.dataset.title)?.controls.includes(target)) this.readTitle();
    else if (this.fields.get("brand")?.field.controls.includes(target)) this.narrow();
  }

  onCategory() {
    this.showSection();
    if (!this.isCar) this.stop();
    else if (this.photos?.files.length && !this.wasRead) this.read();
    if (this.isCar) this.readTitle();
  }

  // Whether the category is one for cars; undefined while none is chosen.
  get isCar() {
    if (!this.cars) return true;
    const values = this.beside(this.dataset.category)?.values.filter(Boolean) ?? [];
    return values.length ? values.some((value) => this.cars.has(value)) : undefined;
  }

  // The host marks what only cars have. It is shown for cars, and as soon as something has been filled in.
  showSection() {
    const { isCar } = this;
    const used = isCar === undefined && [...this.fields.values()].some(({ field }) => field.value);
    for (const section of this.form.querySelectorAll("[data-aac-cars-only]")) {
      section.hidden = Boolean(this.cars) && !isCar && !used;
      // What is not shown is not sent.
      if ("disabled" in section) section.disabled = section.hidden;
    }
  }

  // Sends the photos; choosing others meanwhile cancels it. An XMLHttpRequest: fetch cannot tell how much has been sent.
  read() {
    this.stop();
    this.wasRead = false;
    if (!this.photos.files.length || this.isCar === false) {
      this.say("");
      return;
    }
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", this.dataset.endpoint);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token) request.setRequestHeader("X-CSRFToken", token);
    request.upload.addEventListener("progress", (event) => this.advance(request, event.loaded / event.total));
    request.upload.addEventListener("load", () => this.advance(request));
    request.addEventListener("loadend", () => this.settle(request));
    const body = new FormData();
    for (const file of this.photos.files) body.append("photos", file);
    request.send(body);
    this.say(this.dataset.textSending);
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
      this.say(this.dataset.textReading);
    }
  }

  settle(request) {
    if (request !== this.request) return;
    const { status, response: answer } = request;
    this.stop();
    if (status === 200 && answer) this.present(answer);
    else if (answer) {
      this.present({ message: answer.errors?.[0]?.detail ?? answer.detail ?? this.dataset.textFailed, fields: {}, twins: [] });
    } else this.say(this.dataset.textFailed);
  }

  present(answer) {
    this.wasRead = true;
    this.said.photo = answer.fields;
    for (const [brand, options] of Object.entries(answer.models_by_brand ?? {})) this.modelsByBrand.set(brand, options);
    const before = this.told;
    this.told = {};
    for (const [name, field] of this.fields) {
      // Corrected by the seller: what is to come does not get into it, and this is the answer that they have seen.
      if (answer.fields[name] && field.typed && before[name]?.state === "filled") this.told[name] = before[name];
    }
    const filled = this.fill();
    this.tell(answer);
    this.narrow();
    this.showSection();
    this.sum(answer, filled);
  }

  // Puts what photo and title say into the fields that the seller has left alone, the brand first: it decides which models may
  // follow. The title is the seller's own word and goes before the photo. Returns the names of the fields filled from the photo.
  fill() {
    const filled = [];
    for (const [name, field] of this.fields) {
      if (field.offer(this.sure("title", name), this.sure("photo", name)) === "photo") filled.push(name);
    }
    return filled;
  }

  // The first value that one of the two is sure of.
  sure(origin, name) {
    const suggestion = this.said[origin][name];
    return suggestion?.accepted ? suggestion.options[0] : undefined;
  }

  // What the form tells of each field, for the server to record with the saved ad.
  tell(answer) {
    for (const [name, field] of this.fields) {
      const suggestion = answer.fields[name];
      if (!suggestion || this.told[name]) continue;
      const { options, accepted: sure } = suggestion;
      const state = field.origin === "photo" ? "filled" : field.field.value ? "stated" : "empty";
      this.told[name] = { options: options.map((option) => option.value), sure, state, model_version: answer.model_version };
    }
    if (this.report) this.report.value = JSON.stringify(this.told);
  }

  // Says what the photo did, and no more than that.
  sum({ status, message, refused = "", twins = [] }, filled) {
    let text = message;
    if (status === "car") {
      const differs = [...this.fields.values()].some((field) => field.differs);
      text = differs ? this.dataset.textDiffers : filled.length ? this.dataset.textFilled : this.dataset.textNothing;
    } else if (status === "no_car" && this.cars && !this.isCar) text = "";
    if (twins.length && filled.includes("brand")) text += ` ${this.dataset.textTwins.replace("%cars", twins.join(", "))}`;
    // Of several photos some may have been left out.
    this.say(`${refused} ${text}`.trim());
  }

  async readTitle() {
    const title = this.beside(this.dataset.title)?.value.trim();
    if (!this.dataset.titleEndpoint || !title || !this.isCar || title === this.readAlready) return;
    this.readAlready = title;
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (token) headers["X-CSRFToken"] = token;
    const body = JSON.stringify({ title, car: Boolean(this.cars) });
    try {
      const response = await fetch(this.dataset.titleEndpoint, { method: "POST", headers, body, credentials: "same-origin" });
      // A newer title is on its way.
      if (!response.ok || title !== this.readAlready) return;
      this.said.title = (await response.json()).fields;
    } catch {
      // The fields stay as they are; the next change of the title asks again.
      this.readAlready = undefined;
      return;
    }
    this.fill();
    this.narrow();
    this.showSection();
  }

  // Whether a model may stand beside the brand that the form holds now; it goes with the brand of whoever said it.
  fits(model, origin) {
    const brand = this.fields.get("brand")?.field.value;
    if (!brand || brand === this.sure(origin, "brand")?.value) return true;
    return this.modelsByBrand.get(brand)?.some((option) => option.value === model) ?? false;
  }

  // Leaves the models of the chosen brand to choose from, in the order of the photo's answer where there is one.
  async narrow() {
    const brand = this.fields.get("brand")?.field.value;
    const model = this.fields.get("car_model");
    if (!model?.field.isSelect || !this.dataset.modelsEndpoint) return;
    if (brand && !this.modelsByBrand.has(brand)) {
      try {
        const address = `${this.dataset.modelsEndpoint}?${new URLSearchParams({ brand })}`;
        const response = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if (response.ok) this.modelsByBrand.set(brand, (await response.json()).models);
      } catch {
        // All models stay to choose from.
      }
    }
    if (brand === this.fields.get("brand").field.value) model.narrow(brand ? this.modelsByBrand.get(brand) : undefined);
  }

  say(text) {
    this.status.textContent = text;
  }
}

define("aac-car", CarForm);
