// One key a decision. Every key presses a button or follows a link that the page has anyway, so nothing is lost without it.

const EDITABLE = "input:not([type=submit]):not([type=hidden]), select, textarea, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest(EDITABLE)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const control = [...document.querySelectorAll("[data-key]")].find(
    (element) => element.dataset.key === event.key.toLowerCase(),
  );
  if (!control) return;
  event.preventDefault();
  if (control.matches(EDITABLE)) control.focus();
  else control.click();
});
