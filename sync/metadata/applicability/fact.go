package applicability

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"fettle/model"
)

// FactTest asks a question that has no attributes: MuiInstalled, ClusteredOS,
// InstalledOnce.
type FactTest struct{ Operator Operator }

func readFact(o Operator) func(*attributes) Test {
	return func(*attributes) Test { return &FactTest{o} }
}

func (t *FactTest) phrase(not bool) string {
	switch t.Operator {
	case "MuiInstalled":
		return "the Multilingual User Interface is " + choose(not, "not ", "") + "installed"
	case "ClusteredOS":
		return "Windows is " + choose(not, "not ", "") + "part of a cluster"
	}
	return "this update was " + choose(not, "never", "once") + " installed"
}

func (t *FactTest) evaluate(e *evaluation) (Truth, string) {
	var fact *bool
	switch t.Operator {
	case "MuiInstalled":
		fact = e.computer.Language.Multilingual
	case "ClusteredOS":
		fact = e.computer.Cluster.Member
	case "InstalledOnce":
		h := &e.computer.History
		known := e.rules.ID != "" && e.index.history[guid(e.rules.ID)]
		if known || h.Complete && e.rules.ID != "" {
			fact = &known
		}
	}
	if fact == nil {
		return Unknown, notStated
	}
	return truth(*fact), choose(*fact, "it is so", "it is not so")
}

// ConstantTest is True or False.
type ConstantTest struct{ Truth Truth }

func (t *ConstantTest) phrase(not bool) string {
	return choose((t.Truth == Yes) != not, "always", "never")
}

func (t *ConstantTest) evaluate(*evaluation) (Truth, string) {
	return t.Truth, choose(t.Truth == Yes, "it always holds", "it never holds")
}

// MetricTest compares what GetSystemMetrics returns: SystemMetric.
type MetricTest struct {
	Comparison   Comparison
	Index, Value int64
}

func readMetric(a *attributes) Test {
	t := &MetricTest{Comparison: a.comparison(scalarComparisons)}
	for _, n := range []struct {
		name string
		to   *int64
	}{{"Index", &t.Index}, {"Value", &t.Value}} {
		s := a.text(n.name)
		v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		if err != nil && s != "" {
			a.malformed(n.name, s)
		}
		*n.to = v
	}
	return t
}

// metricNames are the metrics that tell editions apart (update-metadata 4).
var metricNames = map[int64]string{86: "Tablet PC", 87: "Media Center", 88: "Starter", 89: "Server R2"}

func (t *MetricTest) phrase(not bool) string {
	name := ""
	if n, ok := metricNames[t.Index]; ok {
		name = " (" + n + ")"
	}
	return fmt.Sprintf("%ssystem metric %d%s %s %d", choose(not, "not ", ""), t.Index, name, t.Comparison.sign(), t.Value)
}

func (t *MetricTest) evaluate(e *evaluation) (Truth, string) {
	v, ok := e.computer.Metrics[strconv.FormatInt(t.Index, 10)]
	if !ok {
		return Unknown, notStated
	}
	return truth(t.Comparison.ordered(cmp.Compare(v, t.Value))), fmt.Sprintf("it is %d", v)
}

// ClusterOwnerTest asks whether this computer owns the cluster resource that a
// registry value names: ClusterResourceOwner.
type ClusterOwnerTest struct {
	RegistryValuePath
	Prefix, Suffix string
}

func readClusterOwner(a *attributes) Test {
	t := &ClusterOwnerTest{RegistryValuePath: a.registryValue()}
	t.Prefix, _ = a.optional("Prefix")
	t.Suffix, _ = a.optional("Suffix")
	return t
}

func (t *ClusterOwnerTest) phrase(not bool) string {
	return "this computer " + choose(not, "does not own", "owns") + " the cluster resource " +
		model.Clean(t.Prefix) + "[" + t.String() + t.view() + "]" + model.Clean(t.Suffix)
}

func (t *ClusterOwnerTest) evaluate(e *evaluation) (Truth, string) {
	return e.everywhere(func(w *world) (Truth, string) {
		v := e.value(w, t.RegistryValuePath)
		if usable, words := v.unusable("REG_SZ"); usable != Yes {
			return usable, words
		}
		name := t.Prefix + v.Text + t.Suffix
		for _, owned := range e.computer.Cluster.Owned {
			if strings.EqualFold(owned, name) {
				return Yes, "it owns " + quoted(name)
			}
		}
		if e.computer.Cluster.Complete {
			return No, "it does not own " + quoted(name)
		}
		return Unknown, notStated
	})
}
