package applicability

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

const (
	spaces = `xmlns:upd="http://schemas.microsoft.com/msus/2002/12/Update" xmlns:x="http://schemas.microsoft.com/msus/2002/12/LogicalApplicabilityRules" ` +
		`xmlns:y="http://schemas.microsoft.com/msus/2002/12/BaseApplicabilityRules" xmlns:z="http://schemas.microsoft.com/msus/2002/12/MsiApplicabilityRules"`
	folded = `<ApplicabilityRules><IsInstalled><And><b.Processor Architecture="9" /><Not><m.MsiProductInstalled ProductCode="{A}" /></Not></And></IsInstalled></ApplicabilityRules>`
)

// TestFormsAreTheSame reads one rule in every form that occurs.
func TestFormsAreTheSame(t *testing.T) {
	body := `<upd:ApplicabilityRules><upd:IsInstalled><x:And><y:Processor Architecture="9"/><x:Not><z:MsiProductInstalled ProductCode="{A}"></z:MsiProductInstalled></x:Not></x:And></upd:IsInstalled></upd:ApplicabilityRules>`
	for name, text := range map[string]string{
		"folded":        folded,
		"core fragment": `<UpdateIdentity UpdateID="AB" RevisionNumber="1" /><Properties UpdateType="Detectoid" /><Relationships><Prerequisites><UpdateIdentity UpdateID="CD" /></Prerequisites></Relationships>` + folded,
		"document":      `<upd:Update ` + spaces + `><upd:UpdateIdentity UpdateID="AB" RevisionNumber="1"/>` + body + `<upd:Files/></upd:Update>`,
		"element":       strings.Replace(body, "<upd:ApplicabilityRules>", "<upd:ApplicabilityRules "+spaces+">", 1),
		"odd prefixes": `<ApplicabilityRules xmlns="http://schemas.microsoft.com/msus/2002/12/Publishing"><IsInstalled><And xmlns="http://schemas.microsoft.com/msus/2002/12/LogicalApplicabilityRules">` +
			`<q:Processor xmlns:q="http://schemas.microsoft.com/msus/2002/12/BaseApplicabilityRules" Architecture="9"/><Not><MsiProductInstalled xmlns="http://schemas.microsoft.com/msus/2002/12/MsiApplicabilityRules" ProductCode="{A}"/></Not></And></IsInstalled></ApplicabilityRules>`,
		"by hand": strings.NewReplacer("b.", "", "m.", "").Replace(folded),
		"spaced":  strings.ReplaceAll(folded, "><", ">\r\n  <!-- a comment -->\t<"),
	} {
		r, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := r.Installed.Text(), "x64 and MSI product {A} is not installed"; got != want || len(r.Unknown()) > 0 {
			t.Errorf("%s says %q, want %q; not known: %q", name, got, want, r.Unknown())
		}
		if r.ID != "" && r.ID != "ab" {
			t.Errorf("%s is of update %q", name, r.ID)
		}
	}
}

// TestUnknownIsKept keeps, prints and evaluates as unknown what is not known.
func TestUnknownIsKept(t *testing.T) {
	for _, c := range []struct {
		rule, unknown, says string
	}{
		{`<b.Sundial Hour="3" Place="a&#x9b;&#x202e;b" />`, "operator b.Sundial", `(not understood) b.Sundial Hour="3" Place="ab"`},
		{`<b.Sundial><b.MuiInstalled /></b.Sundial>`, "operator b.Sundial", `(not understood) b.Sundial: the Multilingual User Interface is installed`},
		{`<m.RegDword ` + dword + ` Comparison="EqualTo" Data="1" />`, "operator m.RegDword", `(not understood) m.RegDword Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Own" Value="N" Comparison="EqualTo" Data="1"`},
		{`<o:And xmlns:o="urn:other"><True /></o:And>`, "operator o:And", "(not understood) o:And: always"},
		{`<b.MuiInstalled Since="1999" />`, "attribute Since of MuiInstalled", `(not understood) b.MuiInstalled Since="1999"`},
		{`<b.RegDword ` + dword + ` Comparison="Near" Data="1" />`, `RegDword Comparison="Near"`, ""},
		{`<b.RegDword ` + dword + ` Comparison="EqualTo" Data="one" />`, `RegDword Data="one"`, ""},
		{`<b.RegDword ` + dword + ` Comparison="EqualTo" />`, "RegDword without Data", ""},
		{`<b.RegSz ` + dword + ` Comparison="LessThan" Data="1" />`, `RegSz Comparison="LessThan"`, ""},
		{`<b.RegSzToVersion ` + dword + ` Comparison="LessThan" Data="1.2.3.4.5" />`, `RegSzToVersion Data="1.2.3.4.5"`, ""},
		{`<b.FileModified Path="a" Comparison="LessThan" Modified="yesterday" />`, `FileModified Modified="yesterday"`, ""},
		{`<b.FileSize Path="a" Comparison="LessThan" />`, "FileSize without Size", ""},
		{`<b.WindowsVersion MajorVersion="10" AllSuitesMustBePresent="perhaps" />`, `WindowsVersion AllSuitesMustBePresent="perhaps"`, ""},
		{`<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="a" TrueIf="Most"><True /></b.RegKeyLoop>`, `RegKeyLoop TrueIf="Most"`, ""},
		{`<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="a" TrueIf="Any" />`, "RegKeyLoop with 0 operands", ""},
		{`<Not><True /><False /></Not>`, "Not with 2 operands", ""},
		{`<Not />`, "Not with 0 operands", ""},
		{`<And />`, "And without operands", ""},
		{`<Or Hint="1"><True /></Or>`, "attribute Hint of Or", ""},
		{``, "IsInstalled without an expression", ""},
		{`<True>yes</True>`, "text in True", ""},
		{`<True><True /></True>`, "element True in True", ""},
		{`<m.MsiFeatureInstalledForProduct><m.Feature>F</m.Feature></m.MsiFeatureInstalledForProduct>`, "MsiFeatureInstalledForProduct without Product", ""},
		{`<DeviceAttribute Name="a" Type="Colour" Comparison="EqualTo" Value="b" />`, `DeviceAttribute Type="Colour"`, ""},
	} {
		r := rulesOf(t, c.rule, "")
		if !slices.Equal(r.Unknown(), []string{c.unknown}) {
			t.Errorf("%s: not known is %q, want %q", c.rule, r.Unknown(), c.unknown)
		}
		result := r.Evaluate(&Computer{})
		if result.Installed != Unknown || !strings.Contains(result.Why[0].Found, "not understood") {
			t.Errorf("%s is %s because %+v", c.rule, result.Installed, result.Why[0])
		}
		if c.says != "" && r.Installed.Text() != c.says {
			t.Errorf("%s says %q, want %q", c.rule, r.Installed.Text(), c.says)
		}
		// It must not hide behind an operator that does not need it.
		with := rulesOf(t, "<Or>"+c.rule+"<True /></Or>", "")
		if got := with.Evaluate(&Computer{}).Installed; c.rule != "" && got != Yes {
			t.Errorf("%s or true is %s", c.rule, got)
		}
	}
}

// TestSections reads several sections, several expressions in one, and repeats.
func TestSections(t *testing.T) {
	r, err := Parse([]byte(`<ApplicabilityRules><IsInstalled><True /><b.MuiInstalled /></IsInstalled><IsSuperseded><False /></IsSuperseded>` +
		`<IsInstallable><True /></IsInstallable><IsInstalled><False /></IsInstalled><Sooner /></ApplicabilityRules>`))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Installed.Text(); got != "always and the Multilingual User Interface is installed" {
		t.Errorf("two expressions say %q", got)
	}
	if got, want := r.Unknown(), []string{"a second IsInstalled", "element Sooner"}; !slices.Equal(got, want) {
		t.Errorf("not known is %q, want %q", got, want)
	}
	yes, no := true, false
	for multilingual, want := range map[*bool]Result{
		&yes: {Installed: Yes, Superseded: No, Installable: Yes, Needed: No},
		&no:  {Installed: No, Superseded: No, Installable: Yes, Needed: Yes},
		nil:  {Installed: Unknown, Superseded: No, Installable: Yes, Needed: Unknown},
	} {
		got := r.Evaluate(&Computer{Language: Language{Multilingual: multilingual}})
		if got.Installed != want.Installed || got.Superseded != want.Superseded || got.Installable != want.Installable || got.Needed != want.Needed {
			t.Errorf("the result is %+v, want %+v", got, want)
		}
	}
}

// TestBundleHasNoRules reads a fragment without rules.
func TestBundleHasNoRules(t *testing.T) {
	r, err := Parse([]byte(`<UpdateIdentity UpdateID="A" RevisionNumber="1" /><Properties UpdateType="Software" />`))
	if err != nil || !r.Empty() || len(r.Lines(80)) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	got := r.Evaluate(&Computer{})
	if got.Installed != Unknown || got.Needed != Unknown || got.Superseded != No {
		t.Errorf("a bundle's own rules say %+v", got)
	}
}

// TestMetadata summarises what stands beside the expressions.
func TestMetadata(t *testing.T) {
	r := rulesOf(t, "<True />", manifest+feature+mspatch+msapp+drivers+`<OtherMetadata a="b"><c /></OtherMetadata>`)
	m := r.Metadata
	if len(m.Packages) != 2 || m.Packages[0].Identity() != "Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.4349.1.9" ||
		m.Packages[0].Identifier != "KB5000001" || m.Packages[0].Description != "Fix" || m.Packages[1].Name != "Fod" {
		t.Errorf("the packages are %+v", m.Packages)
	}
	if len(m.Patches) != 1 || m.Patches[0].Code != "{P1}" || m.Patches[0].Fallback != "{P0}" || m.Patches[0].Targets[0] != (PatchTarget{"{A1}", "1.2.3", "LessThanOrEqual", "MajorMinorUpdate", ""}) {
		t.Errorf("the patches are %+v", m.Patches)
	}
	if len(m.Applications) != 1 || m.Applications[0] != (Application{"{A1}", "2.0", ""}) {
		t.Errorf("the applications are %+v", m.Applications)
	}
	if len(m.Drivers) != 1 || m.Drivers[0].HardwareID != `PCI\VEN_1&DEV_2` || m.Drivers[0].Version != "2.0.0.1" {
		t.Errorf("the drivers are %+v", m.Drivers)
	}
	if !slices.Equal(m.Others, []string{"OtherMetadata"}) {
		t.Errorf("the others are %q", m.Others)
	}
	want := []string{"Installed: always",
		"CBS package: Package_for_RollupFix 26100.4349.1.9 amd64, KB5000001, Security Update", "CBS package: Fod 10.0.1.0 amd64",
		"MSI patch: {P1} for 1 product", "MSI product: {A1} 2.0", `Driver: PCI\VEN_1&DEV_2 P 2.0.0.1 2026-01-01`, "Metadata: OtherMetadata"}
	if got := r.Lines(0); !slices.Equal(got, want) {
		t.Errorf("the lines are\n%s", strings.Join(got, "\n"))
	}
}

// TestDamagedRules refuses what is no XML, ends early, or is too much.
func TestDamagedRules(t *testing.T) {
	deep := strings.Repeat("<Not>", maxDepth+1) + "<True />" + strings.Repeat("</Not>", maxDepth+1)
	for name, text := range map[string]string{
		"nothing":       "",
		"text":          "hello",
		"early end":     "<ApplicabilityRules><IsInstalled><True />",
		"wrong end":     "<ApplicabilityRules><IsInstalled><True /></ApplicabilityRules>",
		"document type": `<!DOCTYPE a [<!ENTITY b "c">]><ApplicabilityRules />`,
		"deep":          "<ApplicabilityRules><IsInstalled>" + deep + "</IsInstalled></ApplicabilityRules>",
	} {
		if r, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was accepted: %+v", name, r)
		}
	}
	many := io.MultiReader(strings.NewReader("<ApplicabilityRules><IsInstalled><Or>"), strings.NewReader(strings.Repeat("<True />", maxRules+1)))
	if _, err := Read(many); err == nil || !strings.Contains(err.Error(), "more than 300,000 rules") {
		t.Errorf("too many rules gave %v", err)
	}
	failed := errors.New("the line went dead")
	if _, err := Read(io.MultiReader(strings.NewReader("<ApplicabilityRules>"), failing{failed})); !errors.Is(err, failed) {
		t.Errorf("a failing reader gave %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestNothingBehindTheRulesIsRead leaves the rest of a large document alone.
func TestNothingBehindTheRulesIsRead(t *testing.T) {
	dead := failing{errors.New("read too far")}
	padding := "<Files>" + strings.Repeat(" ", 1<<20)
	if _, err := Read(io.MultiReader(strings.NewReader("<Update>"+folded+padding), dead)); err != nil {
		t.Error(err)
	}
}
