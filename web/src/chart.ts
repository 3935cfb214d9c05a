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

/** picture renders an option as a file's content, on the background given. */
export function picture(option: Option, form: "png" | "svg", width: number, height: number, background: string): string {
  const still: Option = { ...option, animation: false, backgroundColor: background };
  if (form === "svg") {
    const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
    chart.setOption(still);
    const text = chart.renderToSVGString();
    chart.dispose();
    return text;
  }
  const element = document.createElement("div");
  const chart = init(element, null, { renderer: "canvas", width, height, devicePixelRatio: 2 });
  chart.setOption(still);
  const url = chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: background });
  chart.dispose();
  return url;
}
