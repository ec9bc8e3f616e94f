package metadata

import (
	"strings"
	"time"

	"fettle/model"
)

// tidy makes a line of text from outside fit to be shown: titles have stray line
// breaks and blanks (update-metadata 1).
func tidy(s string) string {
	s = model.Clean(s)
	if !strings.Contains(s, "  ") {
		return strings.TrimSpace(s)
	}
	return strings.Join(strings.Fields(s), " ")
}

// tidyLines is tidy for text of several lines.
func tidyLines(s string) string { return strings.TrimSpace(model.CleanLines(s)) }

// updateID makes an identifier of a GUID in any case, with or without braces;
// empty when it is none.
func updateID(s string) model.UpdateID {
	s = strings.TrimSpace(s)
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) != 36 {
		return ""
	}
	for i := range 36 {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return ""
			}
		default:
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return ""
			}
		}
	}
	return model.UpdateID(strings.ToLower(s))
}

// parseTime reads an RFC 3339 time. Documents have offsets and up to seven
// digits of a second (offline-catalogues C.1); some have no zone, which is then
// UTC. What is no time is the zero time.
func parseTime(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

func parseSeverity(s string) model.Severity {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "critical":
		return model.SeverityCritical
	case "important":
		return model.SeverityImportant
	case "moderate":
		return model.SeverityModerate
	case "low":
		return model.SeverityLow
	}
	return model.SeverityUnspecified
}

func parsePublication(s string) model.Publication {
	if strings.EqualFold(strings.TrimSpace(s), "Expired") {
		return model.Expired
	}
	return model.Published
}

func parseRestart(s string) model.Restart {
	switch strings.TrimSpace(s) {
	case "NeverReboots":
		return model.RestartNever
	case "CanRequestReboot":
		return model.RestartMay
	case "AlwaysRequiresReboot":
		return model.RestartAlways
	}
	return model.RestartUnknown
}

func parseType(s string) (Type, bool) {
	switch s {
	case "Software":
		return Software, true
	case "Driver":
		return Driver, true
	case "Category":
		return Category, true
	case "Detectoid":
		return Detectoid, true
	}
	return Software, false
}

// ParseCategoryKind reads the word by which documents and catalogues say what
// kind of category one is (update-metadata 2).
func ParseCategoryKind(s string) (model.CategoryKind, bool) {
	switch s {
	case "Company":
		return model.CategoryCompany, true
	case "ProductFamily":
		return model.CategoryFamily, true
	case "Product":
		return model.CategoryProduct, true
	case "UpdateClassification":
		return model.CategoryClassification, true
	}
	return model.CategoryProduct, false
}

// parseBool reads an XML boolean; what is none is false.
func parseBool(s string) bool {
	s = strings.TrimSpace(s)
	return s == "true" || s == "1"
}

// digitsOf gives the number of a KB article without what some documents write
// before it; empty when there is none.
func digitsOf(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 2 && strings.EqualFold(s[:2], "KB") {
		s = strings.TrimSpace(s[2:])
	}
	if len(s) == 0 || len(s) > 10 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}
