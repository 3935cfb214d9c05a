// Light or dark: what the system says, until somebody chooses.

export type Theme = "system" | "light" | "dark";
const key = "farmtally-theme";

export function theme(): Theme {
  const kept = localStorage.getItem(key);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setTheme(to: Theme) {
  if (to === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, to);
  apply();
}

const system = matchMedia("(prefers-color-scheme: dark)");
let printing = false;

export const isPrinting = () => printing;

/** wantsNoMotion tells what people have asked their system for. */
export const wantsNoMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function isDark(): boolean {
  if (printing) return false; // paper is white
  const chosen = theme();
  return chosen === "system" ? system.matches : chosen === "dark";
}

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  document.documentElement.style.colorScheme = isDark() ? "dark" : "light";
  dispatchEvent(new Event("themechange"));
}

function paper(on: boolean) {
  printing = on;
  apply();
}

system.addEventListener("change", apply);
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));
apply();
