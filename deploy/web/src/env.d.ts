declare module "@model?url" {
  const url: string;
  export default url;
}
declare module "@metrics/*" {
  const metrics: any;
  export default metrics;
}
