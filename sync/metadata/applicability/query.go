package applicability

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"fettle/model"
)

// WMITest asks whether a query of Windows Management Instrumentation finds
// anything: WmiQuery.
type WMITest struct{ Namespace, Query string }

func readWMI(a *attributes) Test {
	t := &WMITest{Query: a.text("WqlQuery")}
	t.Namespace, _ = a.optional("Namespace")
	return t
}

const usualNamespace = `root\cimv2`

func wmiNamespace(s string) string {
	s = strings.Trim(strings.ReplaceAll(fold(strings.TrimSpace(s)), "/", `\`), `\`)
	if s == "" {
		return usualNamespace
	}
	return s
}

// wmiKey makes a query comparable: blanks and case do not matter.
func wmiKey(namespace, query string) string {
	return wmiNamespace(namespace) + "\x00" + strings.Join(strings.Fields(fold(query)), " ")
}

func (t *WMITest) phrase(not bool) string {
	in := ""
	if wmiNamespace(t.Namespace) != usualNamespace {
		in = " in " + model.Clean(t.Namespace)
	}
	return "WMI" + in + choose(not, " does not find ", " finds ") + quoted(t.Query)
}

func (t *WMITest) evaluate(e *evaluation) (Truth, string) {
	switch e.index.wmi[wmiKey(t.Namespace, t.Query)] {
	case Yes:
		return Yes, "it finds something"
	case No:
		return No, "it finds nothing"
	}
	return Unknown, notStated
}

// QueryTest asks an extension of the servicing stack: GenericQuery.
type QueryTest struct {
	Namespace, Type, Parameter string
	Compares                   bool
	Comparison                 Comparison
	Value                      string
}

func readQuery(a *attributes) Test {
	t := &QueryTest{Namespace: a.text("Namespace"), Type: a.text("Type"), Parameter: a.text("Parameter")}
	t.Comparison = a.optionalComparison(scalarComparisons)
	t.Value, t.Compares = a.optional("Value")
	return t
}

func (t *QueryTest) phrase(not bool) string {
	s := choose(not, "not ", "") + "query " + model.Clean(t.Namespace) + " " + model.Clean(t.Type) + "(" + quoted(t.Parameter) + ")"
	if t.Compares {
		s += " " + t.Comparison.sign() + " " + quoted(t.Value)
	}
	return s
}

func (t *QueryTest) evaluate(e *evaluation) (Truth, string) {
	for _, q := range e.computer.Queries {
		if !strings.EqualFold(q.Namespace, t.Namespace) || !strings.EqualFold(q.Type, t.Type) || !strings.EqualFold(q.Parameter, t.Parameter) {
			continue
		}
		if !t.Compares {
			return q.Holds, "the answer is " + q.Holds.String()
		}
		if q.Value == "" {
			break
		}
		words := "it is " + quoted(q.Value)
		if have, err := ParseVersion(q.Value); err == nil { // a number is a version of one part
			if want, err := ParseVersion(t.Value); err == nil {
				return truth(t.Comparison.ordered(have.Compare(want))), words
			}
		}
		if t.Comparison != EqualTo {
			return Unknown, words + ", which has no order"
		}
		return truth(EqualTo.texts(q.Value, t.Value)), words
	}
	return Unknown, notStated
}

// LicenceTest asks for a value of software licensing: LicenseValueExists,
// LicenseDword.
type LicenceTest struct {
	Value      string
	Exists     bool // only whether there is one
	Comparison Comparison
	Data       uint64
}

func readLicence(exists bool) func(a *attributes) Test {
	return func(a *attributes) Test {
		t := &LicenceTest{Value: a.text("Value"), Exists: exists}
		if !exists {
			t.Comparison, t.Data = a.comparison(scalarComparisons), a.needNumber("Data", 32)
		}
		return t
	}
}

func (t *LicenceTest) phrase(not bool) string {
	name := "licence value " + model.Clean(t.Value)
	if t.Exists {
		return name + choose(not, " does not exist", " exists")
	}
	return choose(not, "not ", "") + name + " " + t.Comparison.sign() + " " + strconv.FormatUint(t.Data, 10)
}

func (t *LicenceTest) evaluate(e *evaluation) (Truth, string) {
	v, ok := e.index.licences[fold(t.Value)]
	switch {
	case !ok && e.computer.Licences.Complete:
		return No, "there is no such value"
	case !ok:
		return Unknown, notStated
	case t.Exists:
		return Yes, "it exists"
	}
	return truth(t.Comparison.ordered(cmp.Compare(v, int64(t.Data)))), fmt.Sprintf("it is %d", v)
}

// UndocumentedTest is an operator that is known to exist and whose attributes
// and meaning Microsoft does not print; it is always Unknown: the mobile ones
// (Memory, VideoMemory, NFC, Camera, SensorById).
type UndocumentedTest struct{ rule *Rule }

func readUndocumented(a *attributes) Test {
	for _, at := range a.rule.Attributes {
		a.optional(at.Name)
	}
	return &UndocumentedTest{a.rule}
}

func (t *UndocumentedTest) phrase(not bool) string {
	return choose(not, "not ", "") + "device check " + t.rule.written()
}

func (t *UndocumentedTest) evaluate(*evaluation) (Truth, string) {
	return Unknown, "Microsoft does not say how this is checked"
}
