/** What replicas report, in the words of somebody who reads the log at 3 a.m.: what happened, and whether to do anything. */
import { unreachable } from "../words/assert.js";
import type { Report } from "../replication/outputs.js";

/** How urgent a line is: `warn` heals by itself, `error` wakes somebody. */
export interface ReportLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
}

/** The sentence for a report. */
export function reportLine(report: Report): ReportLine {
  switch (report.kind) {
    case "try-again":
      return { level: "info", message: "a connection was refused; it is tried once more (R-10)" };
    case "leaves-in-sync":
      return {
        level: "warn",
        message: "a backup that is silent or about to stop leaves the in-sync set; it comes back by itself (R-11)",
      };
    case "joins-in-sync":
      return { level: "info", message: "a learner has caught up and joins the in-sync set (R-13)" };
    case "too-few-in-sync":
      return {
        level: "error",
        message:
          "commits wait: fewer replicas would be in sync than cluster.min_in_sync asks for; bring nodes back (R-11)",
      };
    case "resigns":
      return { level: "warn", message: resignation(report.why) };
    case "takes-office":
      return { level: "info", message: "takes office as the shard's primary" };
    case "leaves-office":
      return { level: "info", message: "leaves office" };
    case "gives-up-store":
      return {
        level: "error",
        message:
          "this store has lost data that it had acknowledged, and gives itself up (R-12): check the disk, then stop the " +
          "node, move the store's file away and start it again with a new one",
      };
    case "control-plane-older":
      return {
        level: "error",
        message:
          "etcd has an older configuration than this disk: it was restored from a copy. No replica takes office until an " +
          "operator has put it right (R-9)",
      };
    case "digests-differ":
      return {
        level: "error",
        message: "a backup's state differs from its primary's; it is rebuilt (R-20). Please report it",
      };
    case "throws-part-away":
      return {
        level: "warn",
        message: "a replica's log does not fit a newer era; it begins anew as an empty learner (R-7)",
      };
    case "refuses-cut":
      return {
        level: "error",
        message: "a peer asked to cut below what is committed, and was refused (R-7). Please report it",
      };
    case "part-ended":
      return { level: "error", message: `this replica has ended: ${report.why}; the others go on without it` };
    default:
      return unreachable(report);
  }
}

function resignation(why: "unheard" | "log-stalled" | "commits-stalled"): string {
  const reasons = {
    unheard: "no other replica is heard",
    "log-stalled": "its log can't be written",
    "commits-stalled": "nothing was committed for too long",
  };
  return `the primary keeps silent, so that another may take over: ${reasons[why]} (R-10)`;
}
