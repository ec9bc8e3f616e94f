package applicability

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// vocabulary is few keys, values and products, so that rules and descriptions
// meet.
var (
	subkeys  = []string{`SOFTWARE\A`, `SOFTWARE\A\B`, `SOFTWARE\A\C`, `SYSTEM\A`, `SOFTWARE\Policies\A`}
	names    = []string{"", "n", "m"}
	products = []string{"{A}", "{B}", "{C}"}
	paths    = []string{`a.dll`, `b\a.dll`}
	csidls   = []int{37, 41, 42, 38}
	queries  = []string{"select 1", "select 2"}
)

// leafRule draws a leaf in the folded form.
func leafRule(t *rapid.T) string {
	key := func() string {
		return fmt.Sprintf(`Key="HKEY_LOCAL_MACHINE" Subkey="%s" RegType32="%v"`, rapid.SampledFrom(subkeys).Draw(t, "key"), rapid.Bool().Draw(t, "narrow"))
	}
	value := func() string { return key() + fmt.Sprintf(` Value="%s"`, rapid.SampledFrom(names).Draw(t, "name")) }
	scalar := func() string {
		return fmt.Sprintf(` Comparison="%s"`, rapid.SampledFrom(scalarComparisons).Draw(t, "comparison"))
	}
	small := func() int { return rapid.IntRange(0, 3).Draw(t, "number") }
	file := func() string {
		return fmt.Sprintf(` Path="%s" Csidl="%d"`, rapid.SampledFrom(paths).Draw(t, "path"), rapid.SampledFrom(csidls).Draw(t, "folder"))
	}
	switch rapid.IntRange(0, 17).Draw(t, "operator") {
	case 0:
		return "<True />"
	case 1:
		return "<False />"
	case 2:
		return "<b.RegKeyExists " + key() + " />"
	case 3:
		return "<b.RegValueExists " + value() + ` Type="REG_DWORD" />`
	case 4:
		return "<b.RegDword " + value() + scalar() + fmt.Sprintf(` Data="%d" />`, small())
	case 5:
		return "<b.RegSz " + value() + fmt.Sprintf(` Comparison="%s" Data="%d" />`, rapid.SampledFrom(stringComparisons).Draw(t, "comparison"), small())
	case 6:
		return "<b.RegSzToVersion " + value() + scalar() + fmt.Sprintf(` Data="1.%d" />`, small())
	case 7:
		return "<b.WindowsVersion" + scalar() + fmt.Sprintf(` MajorVersion="%d" MinorVersion="%d" BuildNumber="%d" ServicePackMajor="%d" ProductType="%d" />`, small(), small(), small(), small(), 1+small()%3)
	case 8:
		return fmt.Sprintf(`<b.Processor Architecture="%d" />`, rapid.SampledFrom([]int{0, 9, 12}).Draw(t, "architecture"))
	case 9:
		return "<b.FileVersion" + file() + scalar() + fmt.Sprintf(` Version="1.%d" />`, small())
	case 10:
		return "<b.FileExists" + file() + fmt.Sprintf(` Size="%d" />`, small())
	case 11:
		return fmt.Sprintf(`<m.MsiProductInstalled ProductCode="%s" VersionMin="1.%d" />`, rapid.SampledFrom(products).Draw(t, "product"), small())
	case 12:
		return fmt.Sprintf(`<b.WmiQuery WqlQuery="%s" />`, rapid.SampledFrom(queries).Draw(t, "query"))
	case 13:
		return fmt.Sprintf(`<b.WindowsLanguage Language="%s" />`, rapid.SampledFrom([]string{"en", "en-us", "de"}).Draw(t, "language"))
	case 14:
		return `<b.FileExistsPrependRegSz Path="a.dll" ` + value() + " />"
	case 15:
		return `<b.LicenseDword Value="k"` + scalar() + fmt.Sprintf(` Data="%d" />`, small())
	case 16:
		return fmt.Sprintf(`<DeviceAttribute Name="OSVersion" Type="Version" Comparison="LessThan" Value="1.%d" />`, small())
	}
	return fmt.Sprintf(`<b.RegKeyLoop %s TrueIf="%s"><b.RegDword Key="HKEY_LOOP_TARGET" Subkey="" Value="n" Comparison="EqualTo" Data="%d" /></b.RegKeyLoop>`,
		key(), rapid.SampledFrom([]LoopLogic{LoopAny, LoopAll, LoopNone}).Draw(t, "logic"), small())
}

// ruleText draws an expression.
func ruleText(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 2).Draw(t, "leaf") == 0 {
		return leafRule(t)
	}
	switch o := rapid.SampledFrom([]Operator{And, Or, Not}).Draw(t, "logic"); o {
	case Not:
		return "<Not>" + ruleText(t, depth-1) + "</Not>"
	default:
		var b strings.Builder
		for range rapid.IntRange(1, 4).Draw(t, "operands") {
			b.WriteString(ruleText(t, depth-1))
		}
		return "<" + string(o) + ">" + b.String() + "</" + string(o) + ">"
	}
}

// fact is one statement about a computer; refining a description adds some. A
// fact that contradicts an earlier one of the same topic is never drawn.
type fact struct {
	topic string
	state func(*Computer)
}

func addKey(path string, view int, change func(*RegistryKey)) func(*Computer) {
	return func(c *Computer) {
		k := RegistryKey{Path: path, View: view}
		change(&k)
		c.Registry.Keys = append(c.Registry.Keys, k)
	}
}

// facts draws statements about one imagined computer, in an order: any beginning
// of them is a description of it. The first says how many bits Windows has when
// views of the registry are described, for a view implies it.
func facts(t *rapid.T) []fact {
	var all []fact
	small := func() int { return rapid.IntRange(0, 3).Draw(t, "number") }
	yes := func(what string) bool { return rapid.Bool().Draw(t, what) }
	all = append(all, fact{"architecture", func() func(*Computer) {
		a := rapid.SampledFrom([]string{"x86", "x64", "arm64"}).Draw(t, "architecture")
		return func(c *Computer) { c.Processor.Architecture = a }
	}()})
	for _, sub := range subkeys {
		if !yes("key exists") {
			continue
		}
		all = append(all, fact{"key", addKey(`HKLM\`+sub, 0, func(*RegistryKey) {})})
		for _, name := range names {
			v := RegistryValue{Absent: true}
			switch small() {
			case 1:
				v = NumberValue(uint32(small()))
			case 2:
				v = TextValue(fmt.Sprintf("1.%d", small()))
			case 3:
				v = TextValue(`C:\Windows\System32`)
			}
			all = append(all, fact{"value", addKey(`HKLM\`+sub, 0, func(k *RegistryKey) { k.Values = map[string]RegistryValue{name: v} })})
		}
	}
	// What is complete must agree with what is stated later: a key is complete
	// only when nothing more of it follows, so that comes last.
	for _, p := range products {
		if !yes("product exists") {
			continue
		}
		v := fmt.Sprintf("1.%d", small())
		all = append(all, fact{"product", func(c *Computer) {
			c.Products.Products = append(c.Products.Products, Product{Code: p})
		}}, fact{"product version", func(c *Computer) {
			c.Products.Products = append(c.Products.Products, Product{Code: p, Version: v})
		}})
	}
	for _, place := range []string{`%System32%\a.dll`, `%ProgramFiles%\b\a.dll`} {
		size, v := int64(small()), fmt.Sprintf("1.%d", small())
		for _, f := range []File{{Path: place}, {Path: place, Size: &size}, {Path: place, Version: v}} {
			all = append(all, fact{"file", func(c *Computer) { c.Files.Files = append(c.Files.Files, f) }})
		}
	}
	version := fmt.Sprintf("%d.%d.%d.%d", small(), small(), small(), small())
	parts := strings.SplitAfterN(version, ".", 3)
	all = append(all,
		fact{"version", func(c *Computer) { c.Windows.Version = max(c.Windows.Version, strings.TrimSuffix(parts[0], ".")) }},
		fact{"version", func(c *Computer) { c.Windows.Version = version }},
		fact{"service pack", func(c *Computer) { c.Windows.ServicePack = "1.0" }},
		fact{"product type", func(c *Computer) { c.Windows.ProductType = "server" }},
		fact{"language", func(c *Computer) { c.Language.Windows = "en-us" }},
		fact{"multilingual", func() func(*Computer) {
			m := yes("multilingual")
			return func(c *Computer) { c.Language.Multilingual = &m }
		}()},
		fact{"wmi", func(c *Computer) { c.WMI = append(c.WMI, WMIAnswer{Query: "select 1", Found: Yes}) }},
		fact{"wmi", func(c *Computer) { c.WMI = append(c.WMI, WMIAnswer{Query: "select 2", Found: No}) }},
		fact{"licence", func(c *Computer) { c.Licences.Values = map[string]int64{"k": 2} }},
	)
	all = rapid.Permutation(all).Draw(t, "order")
	return append(all,
		fact{"complete", func(c *Computer) { c.Products.Complete = true }},
		fact{"complete", func(c *Computer) { c.Files.Complete = true }},
		fact{"complete", func(c *Computer) { c.Licences.Complete = true }},
		fact{"complete", func(c *Computer) { c.Registry.Complete = true }},
	)
}

func compose(all []fact) *Computer {
	c := &Computer{}
	for _, f := range all {
		f.state(c)
	}
	return c
}

// TestMoreKnowledgeNeverTurnsAnAnswer states one fact after another about a
// computer: what was yes or no stays so (Kleene's logic is monotone, and so is
// every test).
func TestMoreKnowledgeNeverTurnsAnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := ruleText(t, 3)
		r, err := Parse([]byte("<ApplicabilityRules><IsInstalled>" + text + "</IsInstalled></ApplicabilityRules>"))
		if err != nil || len(r.Unknown()) > 0 {
			t.Fatalf("%s: %v %q", text, err, r.Unknown())
		}
		all := facts(t)
		before := Unknown
		for n := range len(all) + 1 {
			now := r.Evaluate(compose(all[:n])).Installed
			if before != Unknown && now != before {
				t.Fatalf("%s turned from %s to %s with the fact %s", r.Installed.Text(), before, now, all[n-1].topic)
			}
			before = now
		}
	})
}

// TestDeMorganOfRules evaluates rules and their opposites.
func TestDeMorganOfRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := ruleText(t, 2), ruleText(t, 2)
		all := facts(t)
		c := compose(all[:rapid.IntRange(0, len(all)).Draw(t, "facts")])
		value := func(text string) Truth {
			r, err := Parse([]byte("<ApplicabilityRules><IsInstalled>" + text + "</IsInstalled></ApplicabilityRules>"))
			if err != nil {
				t.Fatal(err)
			}
			return r.Installed.Evaluate(c)
		}
		if value("<Not><And>"+a+b+"</And></Not>") != value("<Or><Not>"+a+"</Not><Not>"+b+"</Not></Or>") ||
			value("<Not><Or>"+a+b+"</Or></Not>") != value("<And><Not>"+a+"</Not><Not>"+b+"</Not></And>") ||
			value("<Not><Not>"+a+"</Not></Not>") != value(a) {
			t.Fatalf("De Morgan does not hold for %s and %s", a, b)
		}
	})
}

// TestTextMentionsEveryLeaf finds the words of every leaf in the full text and
// in the full listing, and holds lines to their width.
func TestTextMentionsEveryLeaf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, err := Parse([]byte("<ApplicabilityRules><IsInstalled>" + ruleText(t, 4) + "</IsInstalled></ApplicabilityRules>"))
		if err != nil {
			t.Fatal(err)
		}
		width := rapid.SampledFrom([]int{0, 20, 40, 80, 200}).Draw(t, "width")
		text := r.Installed.FullText()
		lines := r.FullLines(width)
		listing := strings.Join(lines, " ")
		for _, squeezed := range []string{strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(listing, " ", "")} {
			for leaf := range r.Installed.All() {
				if !leaf.Leaf() {
					continue
				}
				for _, word := range essentials(leaf) {
					if !strings.Contains(squeezed, strings.ReplaceAll(word, " ", "")) {
						t.Fatalf("%q of %s is not in %s", word, leaf.written(), squeezed)
					}
				}
			}
		}
		for _, line := range lines {
			if width > 0 && len(line) > width {
				t.Fatalf("a line is longer than %d: %q", width, line)
			}
		}
	})
}

// essentials are what no text of a leaf may leave out.
func essentials(r *Rule) []string {
	switch x := r.Test.(type) {
	case *RegistryNumberTest:
		return []string{x.String(), fmt.Sprint(x.Data)}
	case *RegistryTextTest:
		return []string{x.String(), x.Data}
	case *RegistryVersionTest:
		return []string{x.String(), x.Data.Text}
	case *ProcessorTest:
		return []string{architectureName(x.Architecture)}
	case *LanguageTest:
		return []string{x.Language}
	case *WindowsTest:
		if before, after, values := x.enumerated(); values != nil {
			return append(values, before, after)
		}
	// Of these the opposite has other words.
	case *ConstantTest:
		return nil
	case *RegistryKeyTest:
		return []string{x.String()}
	case *RegistryValueTest:
		return []string{x.String(), x.Type}
	case *FileTest:
		return []string{x.String()}
	case *ProductTest:
		return []string{x.Product, x.filter()}
	case *WMITest:
		return []string{x.Query}
	}
	return []string{strings.TrimPrefix(r.Test.phrase(false), "not ")}
}

// TestReasonsExplain holds the reasons to the result: there is one for each
// section that is there, and the leaves that are named have the truth that is
// said of them.
func TestReasonsExplain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, err := Parse([]byte("<ApplicabilityRules><IsInstalled>" + ruleText(t, 3) + "</IsInstalled><IsInstallable>" + ruleText(t, 3) + "</IsInstallable></ApplicabilityRules>"))
		if err != nil {
			t.Fatal(err)
		}
		all := facts(t)
		c := compose(all[:rapid.IntRange(0, len(all)).Draw(t, "facts")])
		result := r.Evaluate(c)
		sections := map[Section]bool{}
		for _, w := range result.Why {
			sections[w.Section] = true
			if w.Asks == "" || w.Found == "" || w.Count < 1 {
				t.Fatalf("the reason is incomplete: %+v", w)
			}
			if got := w.Rule.Evaluate(c); got != w.Truth {
				t.Fatalf("%s is said to be %s and is %s", w.Asks, w.Truth, got)
			}
		}
		if len(sections) != 2 {
			t.Fatalf("the reasons are of the sections %v", slices.Collect(maps.Keys(sections)))
		}
		if again := r.Evaluate(c); !reflect.DeepEqual(again, result) {
			t.Fatal("a second evaluation differs")
		}
	})
}
