import { ConfigReader } from "../../../assembly/json/config-reader";
import { JsonNode } from "../../../assembly/json/node";
import { RequestView } from "../../../assembly/request-view";
import { Authentication, Rejection } from "../identity";
import { ApiKeys } from "./api-keys";
import { BasicUsers } from "./basic";

/** The credentials that a request can show beside a token: an API key and HTTP basic authentication, each where it is configured. */
@final
export class Credentials {
  /** Of what was refused last. */
  rejection: Rejection = changetype<Rejection>(0);
  private apiKeys: ApiKeys | null = null;
  private users: BasicUsers | null = null;

  /** Reads the fields `apiKeys` and `basicAuth`, each of which may be left out. What is wrong is told. */
  read(reader: ConfigReader, config: JsonNode): void {
    const keys = reader.member(config, "apiKeys");
    if (keys != null) this.apiKeys = ApiKeys.read(reader, keys);
    const users = reader.member(config, "basicAuth");
    if (users != null) this.users = BasicUsers.read(reader, users);
  }

  /** Defines the metrics: only for a configuration that is taken. */
  define(): void {
    const keys = this.apiKeys;
    if (keys != null) keys.define();
    const users = this.users;
    if (users != null) users.define();
  }

  /** Looks at each kind, as far as the first that is refused. Changes nothing in the request. */
  authenticate(request: RequestView): Authentication {
    const keys = this.apiKeys;
    if (keys != null && keys.authenticate(request) == Authentication.Refused)
      return this.refuse(keys.rejection);
    const users = this.users;
    if (users != null && users.authenticate(request) == Authentication.Refused)
      return this.refuse(users.rejection);
    return Authentication.Passed;
  }

  /** Takes what was found out of a request that goes on, unless it is to be forwarded. */
  strip(request: RequestView): void {
    const keys = this.apiKeys;
    if (keys != null) keys.strip(request);
    const users = this.users;
    if (users != null) users.strip(request);
  }

  private refuse(rejection: Rejection): Authentication {
    this.rejection = rejection;
    return Authentication.Refused;
  }
}
