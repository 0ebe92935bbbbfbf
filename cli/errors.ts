/** What went wrong by the user's doing, for the user: no stack trace, and the exit code that says of which kind it is. */
export class UserError extends Error {
  override name = "UserError";

  constructor(
    message: string,
    readonly exitCode: number = ExitCode.Usage,
  ) {
    super(message);
  }
}

export const ExitCode = {
  Ok: 0,
  /** A configuration is invalid, a scenario failed, a registry refused, the answer cannot be written. */
  Failed: 1,
  /** The command was called wrongly, a file cannot be read, a scenario is none. */
  Usage: 2,
  /** Our own fault: please report it. */
  Internal: 70,
} as const;

/** What the operating system says, in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "no such file or folder";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EISDIR":
      return "is a folder";
    case "ENOSPC":
      return "no space left on device";
    default:
      return message;
  }
}
