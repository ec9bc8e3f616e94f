package engine

import (
	"fmt"
	"path/filepath"
	"strings"

	"fettle/model"
	"fettle/sync/upstream"
	"fettle/sync/upstream/debian"
)

// SourceKinds lists what can be given to `fettle setup updates --upstream`, as
// far as it exists in this version.
func SourceKinds() []string { return []string{"debian=apt", "wsusscn2=FILE", "wsusexport=FILE"} }

// source opens an upstream: a file that was carried in, or what Options.Sources
// knows.
func (e *Engine) source(u model.Upstream) (upstream.Source, error) {
	if !carried(u.Kind) {
		return e.o.Sources(u)
	}
	if !filepath.IsAbs(u.Location) {
		return nil, &model.Refusal{Code: "upstream-file", What: fmt.Sprintf("The upstream %s=%s cannot be used", u.Kind, model.Clean(u.Location)), Why: "the file must be named by its whole path, on the computer that keeps the store"}
	}
	return &fileSource{engine: e, kind: u.Kind, path: u.Location}, nil
}

// Archives opens an upstream that is an archive.
func Archives(u model.Upstream) (upstream.Source, error) {
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
