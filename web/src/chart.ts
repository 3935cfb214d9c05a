// Apache ECharts, of which only what is drawn is in the bundle.

import { BarChart, LineChart, PieChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
import type { EChartsOption } from "echarts";

use([BarChart, LineChart, PieChart, GridComponent, LegendComponent, TitleComponent, TooltipComponent, CanvasRenderer, SVGRenderer]);

export type Chart = EChartsType;
export type Option = EChartsOption;

export function draw(element: HTMLElement): Chart {
  return init(element, null, { renderer: "canvas" });
}

/** picture renders an option as a file, on the background given. */
export async function picture(option: Option, form: "png" | "svg", width: number, height: number, background: string): Promise<Blob> {
  const still: Option = { ...option, animation: false, backgroundColor: background };
  if (form === "svg") {
    const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
    chart.setOption(still);
    const text = chart.renderToSVGString();
    chart.dispose();
    return new Blob([text], { type: "image/svg+xml" });
  }
  const chart = init(document.createElement("div"), null, { renderer: "canvas", width, height });
  chart.setOption(still);
  const canvas = chart.renderToCanvas({ pixelRatio: 2, backgroundColor: background });
  chart.dispose();
  return new Promise((done, fail) => canvas.toBlob((b) => (b ? done(b) : fail(new Error("The picture could not be made."))), "image/png"));
}
