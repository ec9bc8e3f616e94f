package applicability

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestPrerequisites evaluates an update together with what must be there first.
func TestPrerequisites(t *testing.T) {
	r, err := Parse([]byte(`<ApplicabilityRules><IsInstalled><b.MuiInstalled /></IsInstalled><IsInstallable><True /></IsInstallable></ApplicabilityRules>`))
	if err != nil {
		t.Fatal(err)
	}
	c := described(t, "language = {multilingual = false}")
	states := map[string]Truth{"here": Yes, "gone": No}
	for _, test := range []struct {
		clauses []Clause
		needed  Truth
		reasons []string
	}{
		{nil, Yes, nil},
		{[]Clause{{"here"}}, Yes, nil},
		{[]Clause{{"here"}, {"gone", "here"}}, Yes, nil},
		{[]Clause{{"here"}, {"gone"}}, No, []string{"prerequisite gone: it is not installed"}},
		{[]Clause{{"gone", "what"}}, Unknown, []string{"prerequisite gone or what: not stated"}},
		{[]Clause{{"what"}, {"gone"}}, No, []string{"prerequisite what: not stated", "prerequisite gone: it is not installed"}},
	} {
		got := r.EvaluateWith(c, test.clauses, func(id string) Truth { return states[id] })
		var reasons []string
		for _, w := range got.Why {
			if strings.HasPrefix(w.Asks, "prerequisite") {
				reasons = append(reasons, w.String())
			}
		}
		if got.Needed != test.needed || !slices.Equal(reasons, test.reasons) {
			t.Errorf("with %v it is needed %s because %q, want %s because %q", test.clauses, got.Needed, reasons, test.needed, test.reasons)
		}
	}
}

// TestManyOfAKindAreOneReason counts what decided in the same way, in the order
// of the rules.
func TestManyOfAKindAreOneReason(t *testing.T) {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, `<m.MsiProductInstalled ProductCode="{%d}" />`, i)
	}
	r := rulesOf(t, `<Or><b.MuiInstalled />`+b.String()+`<b.ClusteredOS /></Or>`, "")
	got := r.Evaluate(described(t, "products = {complete = true}\nlanguage = {multilingual = false}\ncluster = {member = false}"))
	want := []string{
		"the Multilingual User Interface is installed: it is not so 1",
		"any of 10 MSI products is installed: it is not installed 10",
		"Windows is part of a cluster: it is not so 1",
		"whether it can be installed: the update has no rule about it 1",
	}
	var reasons []string
	for _, w := range got.Why {
		reasons = append(reasons, fmt.Sprint(w, w.Count))
	}
	for i := range reasons {
		reasons[i] = strings.TrimSpace(reasons[i])
	}
	if !slices.Equal(reasons, want) {
		t.Errorf("the reasons are %q, want %q", reasons, want)
	}
}

// TestOnlyWhatDecidedIsAReason leaves out of an And that does not hold what
// holds, and everything behind the first that does not.
func TestOnlyWhatDecidedIsAReason(t *testing.T) {
	r := rulesOf(t, `<And><True /><Or><b.ClusteredOS /><False /></Or><b.MuiInstalled /></And>`, "")
	got := r.Evaluate(described(t, "language = {multilingual = false}\ncluster = {member = true}"))
	if len(got.Why) != 2 || got.Why[0].Asks != "the Multilingual User Interface is installed" {
		t.Errorf("the reasons are %v", got.Why)
	}
}

// TestLoopsWithinLoops bounds loops within loops, whose work multiplies.
func TestLoopsWithinLoops(t *testing.T) {
	rule := `<True />`
	for range maxLoops + 2 {
		rule = `<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE" TrueIf="Any">` + rule + `</b.RegKeyLoop>`
	}
	c := described(t, "[[registry.keys]]\npath = 'SOFTWARE\\A'")
	if got := rulesOf(t, rule, "").Installed.Evaluate(c); got != Unknown {
		t.Errorf("loops within too many loops are %s", got)
	}
	inner := `<b.RegKeyLoop Key="HKEY_LOOP_TARGET" Subkey="" TrueIf="Any"><b.RegDword Key="HKEY_LOOP_TARGET" Subkey="" Value="v" Comparison="EqualTo" Data="1" /></b.RegKeyLoop>`
	two := rulesOf(t, `<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE" TrueIf="Any">`+inner+`</b.RegKeyLoop>`, "")
	if got := two.Installed.Evaluate(described(t, "[[registry.keys]]\npath = 'SOFTWARE\\A\\B'\nvalues = {v = 1}")); got != Yes {
		t.Errorf("a loop within a loop is %s", got)
	}
	outside := rulesOf(t, `<b.RegKeyExists Key="HKEY_LOOP_TARGET" Subkey="A" />`, "")
	if got := outside.Installed.Evaluate(described(t, "registry = {complete = true}")); got != Unknown {
		t.Errorf("a loop's key outside of a loop is %s", got)
	}
}

// TestSeveralGoroutines evaluates at the same time; the race detector looks on.
func TestSeveralGoroutines(t *testing.T) {
	r := rulesOf(t, `<And><b.RegDword `+dword+` Comparison="EqualTo" Data="1" /><b.ClusteredOS /></And>`, "")
	c := described(t, ownValue("1")+"\n[cluster]\nmember = true")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := r.Evaluate(c).Installed; got != Yes {
				t.Errorf("it is %s", got)
			}
			r.Lines(80)
		})
	}
	wg.Wait()
}

// TestWrapping breaks lines where a reader would.
func TestWrapping(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"short", 20, []string{"short"}},
		{"no limit at all here", 0, []string{"no limit at all here"}},
		{`HKLM\SOFTWARE\Microsoft\Windows\Value = 5`, 24, []string{`HKLM\SOFTWARE\Microsoft\`, `Windows\Value = 5`}},
		{"the value of it = 12345", 20, []string{"the value of it", "= 12345"}},
		{"{0F3771E0-0000-4000-8000-000000000020}", 30, []string{"{0F3771E0-0000-4000-8000-", "000000000020}"}},
		{"開始項目の名前", 6, []string{"開始項", "目の名", "前"}},
		{strings.Repeat("x", 9), 4, []string{"xxxx", "xxxx", "x"}},
	} {
		if got := wrap(c.text, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns is %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
