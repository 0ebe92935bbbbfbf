// What istiod makes of AuthorizationPolicies and RequestAuthentications, without an istiod: the program reads one document of JSON a
// line from its standard input and writes one a line, in the same order. Everything that decides is Istio's own code.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "unsafe" // for go:linkname

	jwtpb "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"

	securityapi "istio.io/api/security/v1beta1"
	"istio.io/istio/pilot/pkg/model"
	_ "istio.io/istio/pilot/pkg/security/authn" // for convertToEnvoyJwtConfig
	"istio.io/istio/pilot/pkg/security/authz/builder"
	"istio.io/istio/pilot/pkg/security/trustdomain"
	"istio.io/istio/pilot/pkg/util/protoconv"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/util/protomarshal"
)

type policy struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Annotations map[string]string `json:"annotations"`
	Spec        json.RawMessage   `json:"spec"`
}

// A question: all that one workload has.
type question struct {
	TrustDomain        string   `json:"trustDomain"`
	TrustDomainAliases []string `json:"trustDomainAliases"`
	Policies           []policy `json:"policies"`
	// The spec of a RequestAuthentication; absent without one.
	RequestAuthentication json.RawMessage `json:"requestAuthentication"`
}

// The answer. What Istio refuses is told and left out of the filters.
type answer struct {
	// Envoy's HTTP filters in their order: jwt_authn, then RBAC for AUDIT, DENY and ALLOW, each where it is needed.
	Filters []json.RawMessage `json:"filters"`
	// One for each policy; empty where it is taken.
	PolicyErrors []string `json:"policyErrors"`
	// Empty where the RequestAuthentication is taken, or absent.
	RequestAuthenticationError string `json:"requestAuthenticationError"`
}

// It is not exported, and what is needs a whole mesh around it.
//
//go:linkname convertToEnvoyJwtConfig istio.io/istio/pilot/pkg/security/authn.convertToEnvoyJwtConfig
func convertToEnvoyJwtConfig(rules []*securityapi.JWTRule, push *model.PushContext, clearRouteCache bool) *jwtpb.JwtAuthentication

func main() {
	// Istio logs to the standard output.
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	push := model.NewPushContext()
	push.JwtKeyResolver = model.NewJwksResolver(time.Hour, time.Hour, time.Hour, time.Hour)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 256<<20)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			fail(err)
		}
		said, err := json.Marshal(translate(asked, push))
		if err != nil {
			fail(err)
		}
		out.Write(append(said, '\n'))
		// Whoever asks may wait for it before asking again.
		if err := out.Flush(); err != nil {
			fail(err)
		}
	}
	if err := in.Err(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func translate(asked question, push *model.PushContext) answer {
	said := answer{Filters: []json.RawMessage{}, PolicyErrors: []string{}}
	if asked.RequestAuthentication != nil {
		filter, err := tokenFilter(asked.RequestAuthentication, push)
		if err != nil {
			said.RequestAuthenticationError = err.Error()
		} else if filter != nil {
			said.Filters = append(said.Filters, marshal(filter))
		}
	}
	var taken model.AuthorizationPoliciesResult
	for _, one := range asked.Policies {
		text := ""
		if err := take(one, &taken); err != nil {
			text = err.Error()
		}
		said.PolicyErrors = append(said.PolicyErrors, text)
	}
	bundle := trustdomain.NewBundle(asked.TrustDomain, asked.TrustDomainAliases)
	if made := builder.New(bundle, nil, taken, builder.Option{}); made != nil {
		for _, filter := range made.BuildHTTP() {
			said.Filters = append(said.Filters, marshal(filter))
		}
	}
	return said
}

func take(one policy, taken *model.AuthorizationPoliciesResult) error {
	spec := &securityapi.AuthorizationPolicy{}
	if err := protomarshal.ApplyJSONStrict(string(one.Spec), spec); err != nil {
		return err
	}
	if _, err := validation.ValidateAuthorizationPolicy(configOf(one.Name, one.Namespace, one.Annotations, spec)); err != nil {
		return err
	}
	made := model.AuthorizationPolicy{Name: one.Name, Namespace: one.Namespace, Annotations: one.Annotations, Spec: spec}
	switch spec.Action {
	case securityapi.AuthorizationPolicy_ALLOW:
		taken.Allow = append(taken.Allow, made)
	case securityapi.AuthorizationPolicy_DENY:
		taken.Deny = append(taken.Deny, made)
	case securityapi.AuthorizationPolicy_AUDIT:
		taken.Audit = append(taken.Audit, made)
	default:
		// CUSTOM needs a mesh configuration with its provider: what calls such a provider is compared elsewhere.
	}
	return nil
}

func tokenFilter(text json.RawMessage, push *model.PushContext) (*hcm.HttpFilter, error) {
	spec := &securityapi.RequestAuthentication{}
	if err := protomarshal.ApplyJSONStrict(string(text), spec); err != nil {
		return nil, err
	}
	if _, err := validation.ValidateRequestAuthentication(configOf("authentication", "default", nil, spec)); err != nil {
		return nil, err
	}
	made := convertToEnvoyJwtConfig(spec.JwtRules, push, false)
	if made == nil {
		return nil, nil
	}
	return &hcm.HttpFilter{
		Name:       "envoy.filters.http.jwt_authn",
		ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: protoconv.MessageToAny(made)},
	}, nil
}

func configOf(name, namespace string, annotations map[string]string, spec config.Spec) config.Config {
	return config.Config{Meta: config.Meta{Name: name, Namespace: namespace, Annotations: annotations}, Spec: spec}
}

func marshal(filter *hcm.HttpFilter) json.RawMessage {
	text, err := protojson.Marshal(filter)
	if err != nil {
		fail(err)
	}
	return text
}
