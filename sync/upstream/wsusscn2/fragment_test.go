package wsusscn2

import "testing"

func TestParseFragment(t *testing.T) {
	for name, want := range map[string]fragment{
		"c/1":               {fragmentCore, "", 1},
		"C/616":             {fragmentCore, "", 616},
		"x/000002":          {fragmentExtended, "", 2},
		"l/en/137091":       {fragmentText, "en", 137091},
		"L/pt-br/5":         {fragmentText, "pt-br", 5},
		"e/en/7":            {fragmentEula, "en", 7},
		"e/7":               {fragmentEula, "", 7},
		"c/2147483647":      {fragmentCore, "", 2147483647},
		"c/":                {},
		"c":                 {},
		"":                  {},
		"c/2147483648":      {}, // no RevisionId
		"c/-1":              {},
		"c/+1":              {},
		"c/1_0":             {},
		"c/en/1":            {},
		"x/en/1":            {},
		"l/1":               {},
		"l/en/de/1":         {},
		"files/1":           {},
		"s/5781162":         {}, // the layout of 2012: whole documents
		"l/" + long + "/12": {},
	} {
		got, ok := parseFragment(name)
		if got != want || ok != (want.kind != fragmentOther) {
			t.Errorf("%q: %+v %v, want %+v", name, got, ok, want)
		}
	}
}

const long = "a-tag-of-more-than-thirty-five-letters-is-none"

func TestLanguages(t *testing.T) {
	l := newLanguages([]string{"pt-BR", " de_AT ", ""})
	for language, want := range map[string]bool{
		"en": true, "EN": true, "de": true, "de-at": true, "pt": true, "pt-br": true, "fr": false, "zh-cn": false, "": true,
	} {
		if l.has(language, "ja") != want {
			t.Errorf("%q: %v", language, !want)
		}
	}
	if !l.has("ja", "ja") || !l.has("JA", "ja") {
		t.Error("an update's own language is not taken")
	}
}
