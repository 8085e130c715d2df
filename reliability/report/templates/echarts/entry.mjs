// What reports use of Apache ECharts 6.1.0, bundled without changes by esbuild 0.28.2:
//   npm install echarts@6.1.0 esbuild@0.28.2
//   npx esbuild entry.mjs --bundle --minify --format=iife --global-name=echarts
//     --legal-comments=eof --charset=ascii --outfile=echarts-parallel.min.js
import { use } from "echarts/core";
import { ParallelChart } from "echarts/charts";
import { ParallelComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([ParallelChart, ParallelComponent, SVGRenderer]);
export { init } from "echarts/core";
