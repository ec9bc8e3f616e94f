package config

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write config.example.toml anew")

const exampleFile = "../../config.example.toml"

// TestExampleIsOfTheTable holds the file that administrators copy to the table
// that the console and `fettle config show` are made from.
func TestExampleIsOfTheTable(t *testing.T) {
	want := Example()
	if *update {
		if err := os.WriteFile(exampleFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table gives; write it with: go test ./ui/config -update", exampleFile)
	}
	c, err := Parse("example", want)
	if err != nil {
		t.Fatal(err)
	}
	c.Path, c.written = "", nil
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("the example is not the default: %+v", c)
	}
}

// TestEverySettingIsDescribed finds keys that somebody forgot to describe, and
// descriptions of keys that are no more.
func TestEverySettingIsDescribed(t *testing.T) {
	values, described := Default().values(), map[string]bool{}
	for _, s := range Default().Settings() {
		described[s.Name()] = true
		if _, ok := values[s.Name()]; !ok {
			t.Errorf("%s is described and does not exist", s.Name())
		}
		if !strings.HasSuffix(strings.TrimRight(s.Meaning, `"`), ".") || len(s.Meaning) < 15 || s.Value != s.Default || s.From != FromDefault {
			t.Errorf("%s: %+v", s.Name(), s)
		}
	}
	for name := range values {
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
	}
	for _, s := range Default().Settings() {
		found := false
		for _, x := range Sections() {
			found = found || x.Name == s.Section
		}
		if !found {
			t.Errorf("the section %s has no title", s.Section)
		}
	}
}

func TestSettingsSayWhereTheyComeFrom(t *testing.T) {
	c, err := Parse("c.toml", "[ui]\nfps = 10\ntheme = \"dark\"\n[keys]\napprove = [\"a\", \"+\"]\n[[view]]\nname = \"Mine\"\nfilter = \"class:security\"\n")
	if err != nil {
		t.Fatal(err)
	}
	c = c.Override("data.directory", `"/d"`, FromFlag)
	got := map[string]Setting{}
	for _, s := range c.Settings() {
		got[s.Name()] = s
	}
	for name, want := range map[string][2]string{"ui.fps": {"10", "file"}, "ui.theme": {`"dark"`, "file"}, "ui.ascii": {"false", "default"}, "data.directory": {`"/d"`, "flag"}, "keys.approve": {`["a", "+"]`, "file"}, "view.Mine": {"class:security", "file"}} {
		if s := got[name]; s.Value != want[0] || string(s.From) != want[1] {
			t.Errorf("%s is %s from %s", name, s.Value, s.From)
		}
	}
	text, err := c.Annotated()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("again", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if again.UI != c.UI || !reflect.DeepEqual(again.Keys, c.Keys) || len(again.Views) != 1 || !strings.Contains(text, "fps = 10  # file") {
		t.Errorf("it came back as %+v from\n%s", again, text)
	}
}
