/**
 * Reads holders and listed claims: what several answers and one push have in common.
 */
import { type Mode, modeOf } from "../words/mode.js";
import { type Fields, ProtocolError } from "./fields.js";
import type { ClaimListed, Holder } from "./server-messages.js";

/** @throws ProtocolError if the number is no mode. */
export function readMode(fields: Fields, index: number): Mode {
  const number = fields.count(index);
  const mode = modeOf(number);
  if (mode === undefined) throw new ProtocolError(`malformed: ${number} is no mode; modes are 0, 1 and 2`);
  return mode;
}

/** @throws ProtocolError */
export function readHolder(fields: Fields): Holder {
  return {
    mode: readMode(fields, 0),
    token: fields.count(1),
    heldMs: fields.count(2),
    leftMs: fields.leftMs(3),
    principal: fields.text(4),
    client: fields.text(5),
    address: fields.text(6),
    metadata: fields.text(7),
    renewCount: fields.count(8),
    permits: fields.count(9),
  };
}

/** @throws ProtocolError */
export function readListed(fields: Fields): ClaimListed {
  return { resource: fields.text(0), holds: fields.flag(1), holder: readHolder(fields.row(2)) };
}
