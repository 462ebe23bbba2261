/** What is observed of a node. */

/** Of a v1 Node. */
export interface NodeCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
}
