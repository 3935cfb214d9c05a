import type { Farm } from "./api";
import type { Names } from "./data";
import type { State } from "./state";

export function Report(_: { farm: Farm; names: Names; state: State; go: (s: State) => void; dark: boolean }) {
  return <p>soon</p>;
}
