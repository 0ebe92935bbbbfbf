/** What a registry refused or failed at, in words for whoever has to act. */
import { ExitCode, UserError } from "../errors.ts";

export class RegistryError extends UserError {
  override name = "RegistryError";

  /**
   * `transient`: the same may work in a moment. `retryAfter`, in milliseconds, is what the registry asked for. `status` is that of
   * its answer, where there was one.
   */
  constructor(
    message: string,
    readonly details: { transient?: boolean; retryAfter?: number; status?: number } = {},
  ) {
    super(message, ExitCode.Failed);
  }
}
