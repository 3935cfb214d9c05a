import type { ComponentChild } from "preact";

/** Line is a name and its figures. Key and value are for who reads the page by program. */
export interface Line {
  key: string;
  name: ComponentChild;
  figures: ComponentChild[];
  data?: { "data-key": string; "data-value": number };
}

/** Ranks is a table of names, the largest first. */
export function Ranks({ head, columns, lines }: { head: ComponentChild; columns: string[]; lines: Line[] }) {
  return (
    <table class="ranks">
      <thead>
        <tr>
          <th scope="col">{head}</th>
          {columns.map((c) => (
            <th key={c} scope="col" class="number">
              {c}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map((l) => (
          <tr key={l.key} {...l.data}>
            <th scope="row">{l.name}</th>
            {l.figures.map((f, i) => (
              <td key={i} class="number">
                {f}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
