// Shows one long select of categories as one select a level. The long one stays the form's field, out of sight: whatever sets
// it and sends "change", such as a suggestion that is taken, fills the levels too.


const { FormElement, define } = globalThis.adAutocategorize;
const MIRRORED = ["aria-invalid", "aria-describedby", "disabled"];
let made = 0;

class CategoryPicker extends FormElement {
  control() {
    return this.querySelector("select[data-aac-picker]:not([multiple])");
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.observer?.disconnect();
  }

  start(select, signal) {
    this.select = select;
    this.forget();
    this.base = this.uniqueId();
    this.levels = [];
    this.required = select.required;
    // A required field out of sight could not be pointed at when it is empty; the levels are required instead.
    if (select.required) select.dataset.required = "";
    select.required = false;
    this.readTree();
    this.build();
    this.read();
    select.addEventListener("change", () => this.sync(), { signal });
    // A label, an error's link or a script may point at the field itself.
    select.addEventListener("focus", () => this.levels[0].select.focus(), { signal });
    if (document.activeElement === select) this.levels[0].select.focus();
    select.form?.addEventListener("reset", () => setTimeout(() => this.read()), { signal });
    // A page that the browser restores has its choices back without an event.
    window.addEventListener("pageshow", () => this.sync(), { signal });
    this.observer = new MutationObserver((changes) => this.onMutation(changes));
    this.observer.observe(select, { attributeFilter: MIRRORED, childList: true });
  }

  // Takes away what another picker has made: in a copy of a page that was alive, as Turbo keeps and some formsets make.
  forget() {
    const { select } = this;
    const box = this.querySelector(".aac-picker");
    if (!box) return;
    const [first] = box.querySelectorAll("select");
    for (const label of first?.labels ?? []) label.htmlFor = select.id;
    select.required = "required" in select.dataset;
    box.remove();
  }

  // A page may hold the same form twice, and with it the same id.
  uniqueId() {
    const { select } = this;
    select.id ||= `aac-picker-${select.name}`;
    return document.getElementById(select.id) === select ? select.id : `${select.id}-${++made}`;
  }

  readTree() {
    const { options, dataset } = this.select;
    this.root = { children: [] };
    this.empty = undefined;
    this.byValue = new Map();
    const nodes = new Map();
    for (const [key, [name, parent]] of Object.entries(JSON.parse(dataset.groups))) nodes.set(key, { name, parent, children: [] });
    for (const option of options) {
      if (!option.value) {
        this.empty = option;
        continue;
      }
      const { name = option.text, parent = "" } = option.dataset;
      const node = { name, parent, value: option.value, disabled: option.disabled, children: [] };
      nodes.set(option.value, node);
      this.byValue.set(option.value, node);
    }
    for (const [key, node] of nodes) {
      node.key = key;
      node.above = nodes.get(node.parent) ?? this.root;
      node.above.children.push(node);
    }
    // Groups come first in the map; on the page they stand where their first option does.
    const places = new Map([...options].map((option, place) => [option.value, place]));
    const place = (node) => (node.place ??= Math.min(places.get(node.key) ?? Infinity, ...node.children.map(place)));
    for (const node of [this.root, ...nodes.values()]) node.children.sort((first, second) => place(first) - place(second));
  }

  build() {
    const { select } = this;
    this.box = document.createElement("div");
    this.box.className = "aac-picker";
    this.box.setAttribute("role", "group");
    this.status = document.createElement("p");
    this.status.className = "aac-picker-status";
    this.status.setAttribute("role", "status");
    this.box.append(this.status);
    const labels = [...select.labels];
    for (const label of labels) label.id ||= `${this.base}_label_${labels.indexOf(label)}`;
    this.labelledBy = labels.map((label) => label.id).join(" ") || select.getAttribute("aria-labelledby");
    this.call(this.box);
    select.after(this.box);
    select.tabIndex = -1;
    select.setAttribute("aria-hidden", "true");
    select.dataset.live = "";
    for (const label of labels) label.htmlFor = this.levelId(0);
  }

  call(element) {
    if (this.labelledBy) element.setAttribute("aria-labelledby", this.labelledBy);
    else element.setAttribute("aria-label", this.select.getAttribute("aria-label") ?? "");
  }

  levelId(depth) {
    return `${this.base}_level_${depth + 1}`;
  }

  read() {
    this.follow(this.byValue.get(this.select.value));
  }

  // A category that is no answer is kept as chosen: the field is empty then, as it was before.
  sync() {
    if ((this.chosen.value ?? "") !== this.select.value) this.read();
  }

  // Shows the levels down to a category, and one more where it has narrower ones.
  follow(node) {
    this.chosen = node ?? this.root;
    const path = [];
    for (let step = this.chosen; step !== this.root; step = step.above) path.unshift(step);
    const parents = [this.root, ...path].filter((step, depth) => depth === 0 || step.children.length);
    while (this.levels.length > parents.length) this.levels.pop().element.remove();
    for (const [depth, parent] of parents.entries()) {
      const level = (this.levels[depth] ??= this.addLevel(depth));
      if (level.parent !== parent) this.fill(level, parent);
      level.select.value = path[depth]?.key ?? "";
    }
    this.mirror();
  }

  addLevel(depth) {
    const element = document.createElement("div");
    element.className = "aac-picker-level";
    const select = document.createElement("select");
    select.id = this.levelId(depth);
    select.className = this.select.className;
    select.autocomplete = "off";
    const level = { element, select };
    // The field's own label is that of the first level, which has a caption to be told from the others.
    level.label = document.createElement(depth ? "label" : "span");
    level.label.className = "aac-picker-label";
    if (depth) level.label.htmlFor = select.id;
    else this.caption(level);
    element.append(level.label, select);
    // The host's scripts hear of the field itself, and once.
    for (const kind of ["input", "change"]) select.addEventListener(kind, (event) => event.stopPropagation());
    select.addEventListener("change", () => this.choose(level));
    this.status.before(element);
    return level;
  }

  caption({ label, select }) {
    this.call(select);
    // A field whose choices are no tree has one level, and nothing to tell apart.
    label.hidden = !this.root.children.some((node) => node.children.length);
    label.id = `${select.id}_caption`;
    if (this.labelledBy && !label.hidden) select.setAttribute("aria-labelledby", `${this.labelledBy} ${label.id}`);
  }

  fill(level, parent) {
    const { textMain, textChoose, textWithin, textStay } = this.select.dataset;
    level.parent = parent;
    const prompt = new Option(parent.value ? textStay.replace("%name", parent.name) : textChoose, "");
    const options = parent.children.map((node) => {
      const option = new Option(node.name, node.key);
      option.disabled = Boolean(node.disabled);
      return option;
    });
    // A field without an empty choice has none at its first level either.
    level.select.replaceChildren(...(parent === this.root && !this.empty ? [] : [prompt]), ...options);
    // Stopping short is an answer where the field has that category.
    level.select.required = parent === this.root ? this.required : !parent.value;
    level.label.textContent = parent === this.root ? textMain : textWithin.replace("%name", parent.name);
  }

  choose(level) {
    const key = level.select.value;
    const node = level.parent.children.find((child) => child.key === key) ?? level.parent;
    this.follow(node);
    const more = this.chosen.children.length;
    const text = more && key ? this.select.dataset.textMore.replace("%name", node.name).replace("%n", more) : "";
    this.status.textContent = text;
    const value = node.value ?? "";
    if (value === this.select.value) return;
    this.select.value = value;
    for (const kind of ["input", "change"]) this.select.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  onMutation(changes) {
    if (changes.some((change) => change.type === "childList")) {
      this.readTree();
      for (const level of this.levels) level.parent = undefined;
      this.read();
    } else this.mirror();
  }

  // What the page says of the field holds for each of its levels.
  mirror() {
    for (const { select } of this.levels) {
      for (const name of MIRRORED) {
        if (this.select.hasAttribute(name)) select.setAttribute(name, this.select.getAttribute(name));
        else select.removeAttribute(name);
      }
    }
  }
}

define("aac-picker", CategoryPicker);
