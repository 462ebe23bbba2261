export { differs } from '../formats/same-json.ts';
