import { useRef } from "preact/hooks";
import { type Farm, Fault, download } from "./api";
import { type Answer, figure, value } from "./data";
import { type Look, type Plot, additive, barOption } from "./plot";
import { type State, dimensionNames, view } from "./state";
import { printLocal, rangeLabel } from "./time";

function save(name: string, content: Blob) {
  const url = URL.createObjectURL(content);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** fileName names what is shown. */
function fileName(farm: Farm, s: State): string {
  const v = view(s);
  const words = [farm.name || "farm", s.measure, "by", ...v.groups.map((g) => dimensionNames[g]), printLocal(v.from), "to", printLocal(v.to - 1).slice(0, 10)];
  return words.join("-").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
}

export function Downloads({ answer: a, farm, plot, look, fail }: { answer: Answer; farm: Farm; plot: Plot; look: Look; fail: (why: string) => void }) {
  const box = useRef<HTMLDetailsElement>(null);
  const name = fileName(farm, a.state);
  const shut = (then: () => void) => () => {
    if (box.current) box.current.open = false;
    then();
  };
  // The server writes the file, with decimals that are exact: one of all parts of the answer.
  const rows = (form: string) => {
    const [first, ...more] = a.aggregations;
    const parts = more.length ? `&with=${more.join(",")}` : "";
    download(`/v1/farms/${farm.farmId}/aggregations/${first}/export?format=${form}${parts}`).then(
      (content) => save(`${name}.${form}`, content),
      (e) => fail(Fault.of(e).status === 404 ? "The server has forgotten this answer. Reload the page and try again." : Fault.of(e).message),
    );
  };
  const chart = async (kind: "PNG" | "SVG") => {
    const form = kind === "PNG" ? "png" : "svg";
    const { picture } = await import("./chart");
    const v = view(a.state);
    const option = barOption(a, plot, look, -1, true);
    const legend = { show: true, top: 26, left: 8, type: "plain" as const, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: look.text } };
    const all = a.all && additive(a) ? `, ${figure(value(a.all, a.state.measure, a.state.stat), a.state.measure)}` : "";
    const title = { text: `${farm.name || farm.farmId}, ${rangeLabel(v.from, v.to)}${all}`, left: 8, top: 4, textStyle: { fontSize: 14, color: look.text } };
    const content = await picture({ ...option, legend, title }, form, 1200, 520, look.panel);
    save(`${name}.${form}`, content);
  };
  return (
    <details class="menu" ref={box}>
      <summary>Download</summary>
      <div class="pop">
        {["CSV", "JSON", "Parquet", "Arrow"].map((form) => (
          <button key={form} type="button" disabled={a.tooMany !== ""} onClick={shut(() => rows(form.toLowerCase()))}>
            Rows as {form}
          </button>
        ))}
        {(["PNG", "SVG"] as const).map((form) => (
          <button key={form} type="button" disabled={a.tooMany !== ""} onClick={shut(() => void chart(form).catch((e) => fail(Fault.of(e).message)))}>
            Chart as {form}
          </button>
        ))}
        <button type="button" onClick={shut(() => print())}>
          Print
        </button>
      </div>
    </details>
  );
}
