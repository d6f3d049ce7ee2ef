/** Who a caller is. Until there are credentials to check, everyone is one principal, and the handshake has the place. */

/** What HELLO may carry. */
export interface Credentials {
  readonly key?: string | undefined;
}

/** The principal of a caller with these credentials. */
export function principalOf(_credentials: Credentials | undefined): string {
  return "local";
}
