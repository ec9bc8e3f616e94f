package model

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestFailureMeaning(t *testing.T) {
	for code, want := range map[string]string{
		"0x80240022": "every update of the attempt failed", "80240022": "every update of the attempt failed",
		"-2145124318": "every update of the attempt failed", // the same as the protocol's signed number
		"0X8024402c":  "could not be resolved", "0x80070643": "1603", "0x80242014": "after the restart",
		"2359301": "waits for a restart", "0x80070057": "Windows reported error 87", "0x80240fff": "of its own", "0x8024aaaa": "of its own",
		"apt-100": "apt-get met an error", "dpkg-2": "could not handle", "apt-137": "killed", "apt-77": "ended with status 77",
		"verification": "signed", "Lock": "another program", "space": "space",
	} {
		meaning, _ := FailureMeaning(code)
		if !strings.Contains(meaning, want) {
			t.Errorf("%s: %q, want %q", code, meaning, want)
		}
	}
	for _, code := range []string{"", "what", "apt-", "apt-x", "apt-999", "0x", "0xzz", "99999999999", "-99999999999", "0x123456789"} {
		if meaning, remedy := FailureMeaning(code); meaning != "" || remedy != "" {
			t.Errorf("%q has the meaning %q, %q", code, meaning, remedy)
		}
	}
}

// The texts are clauses: they stand in sentences of several places.
func TestFailureMeaningsAreClauses(t *testing.T) {
	all := slices.Concat(slices.Collect(maps.Values(agentMeanings)), slices.Collect(maps.Values(windowsMeanings)), slices.Collect(maps.Values(exitMeanings)))
	for _, m := range all {
		for _, text := range []string{m.text, m.remedy} {
			if strings.HasSuffix(text, ".") || text != Clean(text) {
				t.Errorf("%q is no clause", text)
			}
		}
		if m.text == "" {
			t.Error("a code has no meaning")
		}
	}
}

func FuzzFailureMeaning(f *testing.F) {
	for _, code := range []string{"0x80240022", "-2145124318", "apt-100", "dpkg-1", "lock", ""} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		meaning, remedy := FailureMeaning(code)
		if meaning == "" && remedy != "" {
			t.Errorf("%q has a remedy, but no meaning", code)
		}
	})
}
