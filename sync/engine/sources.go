package engine

import (
	"fmt"
	"strings"

	"fettle/model"
	"fettle/sync/upstream"
	"fettle/sync/upstream/debian"
)

// SourceKinds lists what can be given to `fettle setup updates --upstream`, as
// far as it exists in this version.
func SourceKinds() []string { return []string{"debian=apt"} }

// Sources opens an upstream of the kinds that exist.
func Sources(u model.Upstream) (upstream.Source, error) {
	if u.Kind != model.UpstreamDebian || u.Location != "apt" {
		return nil, &model.Refusal{Code: "upstream-kind", What: fmt.Sprintf("The upstream %s=%s cannot be used", model.Clean(string(u.Kind)), model.Clean(u.Location)),
			Why: "this version of Fettle reads " + strings.Join(SourceKinds(), ", "), Remedy: "fettle setup updates --upstream debian=apt"}
	}
	o := debian.Options{Upstream: u.Name}
	if u.Proxy != "" { // apt's own proxy holds unless the administrator named one for Fettle
		o.Apt = []string{"Acquire::http::Proxy=" + u.Proxy, "Acquire::https::Proxy=" + u.Proxy}
	}
	return debian.New(o)
}
