package installer

import (
	"bufio"
	"bytes"
	"reflect"
	"strings"
	"testing"

	"fettle/model"
)

var sampleOrder = Order{Verb: Install, Plan: 7, Items: []model.PlanItem{
	{Package: "tzdata", Arch: "all", From: "2025b-0+deb12u2", To: "2026f-0+deb12u1", SHA256: bytes.Repeat([]byte{0xab}, 32), Size: 307832},
	{Package: "linux-image-6.1.0-50-amd64", Arch: "amd64", To: "6.1.9-1", Reason: model.ItemNew},
}}

func parse(s string) (Order, error) {
	return ParseOrder(bufio.NewReaderSize(strings.NewReader(s), maxLine))
}

func TestOrderRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := sampleOrder.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := parse(b.String())
	if err != nil || !reflect.DeepEqual(got, sampleOrder) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestOrderRefusesEverythingElse(t *testing.T) {
	var b bytes.Buffer
	if err := sampleOrder.Write(&b); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	item := "item a-b all 1 2 - 0 approved\n"
	for name, text := range map[string]string{
		"empty":            "",
		"other greeting":   strings.Replace(good, "order 1", "order 2", 1),
		"other verb":       strings.Replace(good, "\ninstall\n", "\nremove\n", 1),
		"no plan":          strings.Replace(good, "plan 7", "plan", 1),
		"plan with zero":   strings.Replace(good, "plan 7", "plan 07", 1),
		"cut off":          strings.TrimSuffix(good, "end\n"),
		"no line end":      strings.TrimSuffix(good, "\n"),
		"option as name":   strings.Replace(good, "item tzdata", "item -oDPkg", 1),
		"option as value":  strings.Replace(good, "2026f-0+deb12u1", "--force-all", 1),
		"shell":            strings.Replace(good, "tzdata", "tz;reboot", 1),
		"path":             strings.Replace(good, "tzdata", "../tzdata", 1),
		"downgrade":        strings.Replace(good, "2026f", "2024f", 1),
		"short digest":     strings.Replace(good, "abab", "ab", 1),
		"digest in capita": strings.Replace(good, "abab", "ABAB", 1),
		"negative size":    strings.Replace(good, "307832", "-1", 1),
		"two blanks":       strings.Replace(good, "item tzdata", "item  tzdata", 1),
		"carriage return":  strings.ReplaceAll(good, "\n", "\r\n"),
		"twice":            greeting + "\ninstall\nplan 1\n" + item + item + "end\n",
		"without items":    greeting + "\ninstall\nplan 1\nend\n",
		"long line":        greeting + "\ninstall\nplan 1\nitem " + strings.Repeat("a", 2000) + " all 1 2 - 0 approved\nend\n",
	} {
		if o, err := parse(text); err == nil {
			t.Errorf("%s was accepted: %+v", name, o)
		}
	}
}

func FuzzParseOrder(f *testing.F) {
	var b bytes.Buffer
	if err := sampleOrder.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parse(text)
		if err != nil {
			return
		}
		for _, it := range o.Items {
			if spec := it.Spec(); strings.HasPrefix(spec, "-") || strings.ContainsAny(spec, " \t\n/;$`'\"\\") {
				t.Fatalf("%q would reach a command line", spec)
			}
		}
		// One order has one form: what was read is what would be written.
		var again bytes.Buffer
		if err := o.Write(&again); err != nil || !strings.HasPrefix(text, again.String()) {
			t.Fatalf("%q was read as %q (%v)", text, again.String(), err)
		}
	})
}

func TestParseStatusLines(t *testing.T) {
	for _, c := range []struct {
		line    string
		want    Message
		problem string
		ok      bool
	}{
		{"dlstatus:2:33.0031:Retrieving file 2 of 3", Message{Phase: "downloading", Done: 33, Total: 100, Text: "Retrieving file 2 of 3"}, "", true},
		{"pmstatus:libc6:i386:15.3846:Unpacking libc6:i386 (i386)", Message{Phase: "installing", Done: 15, Total: 100, Text: "Unpacking libc6:i386 (i386)"}, "", true},
		{"pmstatus:dpkg-exec:46.1538:Running dpkg", Message{Phase: "installing", Done: 46, Total: 100, Text: "Running dpkg"}, "", true},
		{"pmerror:half:50.0:subprocess\x1b[31m failed", Message{Phase: "installing", Done: 50, Total: 100, Text: "subprocess failed"}, "half: subprocess failed", true},
		{"pmconffile:app:76.0:'/etc/a' '/etc/a.dpkg-new' 1 1 ", Message{Phase: "installing", Done: 76, Total: 100, Text: "keeping the configuration of app"}, "", true},
		{"pmstatus:x:9999:y", Message{Phase: "installing", Done: 100, Total: 100, Text: "y"}, "", true},
		{"Reading package lists...", Message{}, "", false},
	} {
		m, problem, ok := parseStatus(c.line)
		if m != c.want || problem != c.problem || ok != c.ok {
			t.Errorf("%q: %+v %q %v", c.line, m, problem, ok)
		}
	}
}

func TestCommandNeverPassesOptionsThroughSudo(t *testing.T) {
	if got := Command("/usr/bin/fettle", true, "--apt", "-o"); !reflect.DeepEqual(got, []string{"sudo", "-n", "--", "/usr/bin/fettle", "agent", "installer"}) {
		t.Error(got)
	}
	c := Config{Root: "/r", Apt: []string{"-o", "Dir=/r"}, Dpkg: []string{"--root=/r"}, Log: "/l"}
	got, err := ParseOptions(c.Options())
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseOptions([]string{"--evil", "x"}); err == nil {
		t.Error("an unknown option was accepted")
	}
}
