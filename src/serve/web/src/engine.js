// ECharts, as much of it as the page draws with: a file of its own that comes behind the figures (charts.js, engine()).
import { BarChart, HeatmapChart, LineChart } from 'echarts/charts';
import { AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

echarts.use([BarChart, HeatmapChart, LineChart, GridComponent, TooltipComponent, DataZoomComponent, MarkLineComponent, VisualMapComponent, LegendComponent, AriaComponent, SVGRenderer]);
export const make = (node) => echarts.init(node, null, { renderer: 'svg' });
