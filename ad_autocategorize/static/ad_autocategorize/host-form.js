// What the modules of the form share; a page needs it before them. Under a global name, since a page's static files may be
// renamed and an import would miss them.

// What libraries mark a select with whose options are not all on the page: Django's admin and django-select2,
// django-autocomplete-light, Tom Select, and a host that says so itself.
const REMOTE = "[data-ajax--url], [data-autocomplete-light-url], .tomselected, [data-aac-remote]";

// One field of a host's form, whatever it is made of: a text, a select, radio buttons, check boxes, or a select that a library
// fills from the server.
class FormField {
  // Finds the field by the name it is posted under; by nothing else, since another control may have that id.
  static find(form, name) {
    const controls = [...(form?.elements ?? [])].filter((control) => control.name === name && name);
    return controls.length ? new FormField(controls) : undefined;
  }

  // Finds the field of the form that a control belongs to, of the same row of a formset. ``own`` and ``other`` are names without
  // the form's prefix; a host may as well give the whole name of the other one.
  static beside(control, own, other) {
    const prefix = control.name.endsWith(own) ? control.name.slice(0, -own.length) : "";
    return FormField.find(control.form, prefix + other) ?? FormField.find(control.form, other);
  }

  constructor(controls) {
    this.controls = controls;
    this.first = controls[0];
    this.isChoice = ["radio", "checkbox"].includes(this.first.type);
    this.isSelect = this.first.tagName === "SELECT";
  }

  // Whether its options are not all on the page.
  get isRemote() {
    return this.isSelect && this.first.matches(REMOTE);
  }

  // What can take the focus and be described.
  get element() {
    return this.controls.find((control) => control.checked) ?? this.first;
  }

  get values() {
    if (this.isChoice) return this.controls.filter((control) => control.checked).map((control) => control.value);
    if (this.isSelect) return [...this.first.selectedOptions].map((option) => option.value);
    return [this.first.value];
  }

  get value() {
    return this.values.find((value) => value !== "") ?? "";
  }

  // Whether the value is among the choices now.
  offers(value) {
    if (this.isChoice) return this.controls.some((control) => control.value === value);
    return !this.isSelect || this.option(value) !== undefined;
  }

  // Whether the value can be set, if need be with an option of its own.
  takes(value) {
    return this.offers(value) || this.isRemote;
  }

  option(value) {
    return [...this.first.options].find((option) => option.value === value);
  }

  // Sets the value, beside others where the field holds several, and tells the host's scripts.
  set(value, label = value) {
    if (this.isChoice) this.check(value);
    else if (this.isSelect) this.choose(value, label);
    else this.first.value = value;
    for (const kind of ["input", "change"]) this.element.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  check(value) {
    for (const control of this.controls) {
      if (control.value === value) control.checked = true;
      else if (!value) control.checked = false;
    }
  }

  choose(value, label) {
    const select = this.first;
    if (value && !this.option(value)) select.add(new Option(label, value));
    if (select.multiple && value) this.option(value).selected = true;
    else select.value = value;
    const library = select.tomselect;
    if (!library) return;
    if (value) library.addOption({ [library.settings.valueField]: value, [library.settings.labelField]: label });
    library.setValue(this.values, true);
  }
}

// What the form does with where there is no script.
const SUBMITS = "button.aac-enter, button.aac-ask, button.aac-car-read";

// An element of its own around a control of the host's, so that it comes to life however it gets onto the page: with it, as a
// row that is added to a formset, swapped in by htmx, or brought back by Turbo. A subclass has ``control()``, which finds that
// control, and ``start(control, signal)``; nothing is looked up by its id, since a page may hold the same form twice. Scripts of
// hosts go through all elements of a form and look at their ``name``: a subclass must not have one.
class FormElement extends HTMLElement {
  connectedCallback() {
    this.wake();
  }

  disconnectedCallback() {
    this.life?.abort();
    this.life = undefined;
  }

  wake() {
    if (this.life) return;
    const control = this.control();
    if (!control?.form) return;
    // The browser would press the form's first submit button for Enter: that is to be one of the host's.
    for (const button of this.querySelectorAll(SUBMITS)) button.remove();
    // A row that a formset is made from is no form yet.
    if (control.name.includes("__prefix__")) return;
    this.life = new AbortController();
    this.start(control, this.life.signal);
  }
}

function define(tag, element) {
  if (customElements.get(tag)) return;
  customElements.define(tag, element);
  // Rows of formsets get their names only after they are on the page: the admin says so, and of others the focus tells.
  document.addEventListener("formset:added", ({ target }) => {
    for (const added of (target.querySelectorAll ? target : document).querySelectorAll(tag)) added.wake();
  });
  document.addEventListener("focusin", ({ target }) => target.closest?.(tag)?.wake());
}

globalThis.adAutocategorize ??= { FormElement, FormField, define };
