import "./style.css";
import { options, render } from "preact";
import { App } from "./App";

// What is printed is what is drawn when the browser has said that it prints: at once.
addEventListener("beforeprint", () => (options.debounceRendering = (f) => f()), { capture: true });
addEventListener("afterprint", () => delete options.debounceRendering);

render(<App />, document.querySelector("#app")!);
