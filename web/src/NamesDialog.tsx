import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Dimension, type Farm, Fault, setLabel } from "./api";
import type { Answer } from "./data";
import { dimensionNames, dimensions } from "./state";

/** NamesDialog says what users, machines and the rest are called. */
export function NamesDialog({ farm, result, close }: { farm: Farm; result: Answer | null; close: (changed: boolean) => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const [labels, setLabels] = useState(farm.labels);
  const [dimension, setDimension] = useState<Dimension>("USER_ID");
  const [id, setID] = useState("");
  const [label, setText] = useState("");
  const [fault, setFault] = useState("");
  const [changed, setChanged] = useState(false);
  useEffect(() => box.current?.showModal(), []);

  // What is on the page is what people want to name.
  const known = useMemo(() => {
    const ids = new Set<string>();
    const i = result?.groups.indexOf(dimension) ?? -1;
    if (result && i >= 0) for (const r of result.totals) if (r.group[i]) ids.add(r.group[i]!);
    if (dimension === "QUEUE_ID") farm.queues.forEach((q) => ids.add(q.id));
    if (dimension === "FLEET_ID") farm.fleets.forEach((f) => ids.add(f.id));
    return [...ids].sort().slice(0, 1000);
  }, [dimension, result, farm]);

  const put = async (d: Dimension, value: string, text: string) => {
    setFault("");
    try {
      await setLabel(farm.farmId, d, value, text);
      setLabels([...labels.filter((l) => l.dimension !== d || l.value !== value), ...(text.trim() ? [{ dimension: d, value, label: text.trim() }] : [])]);
      setChanged(true);
      setID("");
      setText("");
    } catch (e) {
      setFault(Fault.of(e).message);
    }
  };
  return (
    <dialog ref={box} class="names" aria-labelledby="names-title" onClose={() => close(changed)}>
      <h2 id="names-title">Names</h2>
      <p class="dim">What this page calls users, machines and the rest in place of their ids. Everybody who reads this farm sees them.</p>
      {farm.mayLabel ? (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void put(dimension, id, label);
          }}
        >
          <label>
            <span>Of a</span>
            <select value={dimension} onChange={(e) => setDimension(e.currentTarget.value as Dimension)}>
              {dimensions
                .filter((d) => d !== "USAGE_TYPE")
                .map((d) => (
                  <option key={d} value={d}>
                    {dimensionNames[d]}
                  </option>
                ))}
            </select>
          </label>
          <label>
            <span>with the id</span>
            <input list="known-ids" required maxlength={256} value={id} onInput={(e) => setID(e.currentTarget.value)} spellcheck={false} />
          </label>
          <datalist id="known-ids">
            {known.map((k) => (
              <option key={k} value={k} />
            ))}
          </datalist>
          <label>
            <span>the name is</span>
            <input dir="auto" required maxlength={100} value={label} onInput={(e) => setText(e.currentTarget.value)} />
          </label>
          <button type="submit" class="primary">
            Keep
          </button>
        </form>
      ) : (
        <p>Your key reads this farm; naming things is its owner’s.</p>
      )}
      {fault && <p role="alert">{fault}</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label="Names">
        <table>
          <thead>
            <tr>
              <th scope="col">kind</th>
              <th scope="col">id</th>
              <th scope="col">name</th>
              {farm.mayLabel && (
                <th scope="col">
                  <span class="sr">remove</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {labels.map((l) => (
              <tr key={l.dimension + l.value}>
                <td>{dimensionNames[l.dimension]}</td>
                <td class="mono">{l.value}</td>
                <td>
                  <bdi>{l.label}</bdi>
                </td>
                {farm.mayLabel && (
                  <td>
                    <button type="button" class="link" onClick={() => void put(l.dimension, l.value, "")} aria-label={`remove the name ${l.label}`}>
                      remove
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
        {labels.length === 0 && <p class="dim">None yet.</p>}
      </div>
      <button type="button" onClick={() => box.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
