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

export function isDark(): boolean {
  const chosen = theme();
  return chosen === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
}

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  document.documentElement.style.colorScheme = isDark() ? "dark" : "light";
  dispatchEvent(new Event("themechange"));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
apply();
