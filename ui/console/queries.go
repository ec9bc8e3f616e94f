package console

import (
	"fettle/model/query"
)

// checkQuery says what is wrong with a query on updates or on computers. Names
// of groups and the like are looked up once the catalogue is there.
func (c *Console) checkQuery(on query.Subject, text string) error {
	if on == query.OnComputers {
		q, err := query.ParseComputers(text)
		if err == nil && c.snap.Loaded() {
			err = q.Check(c.snap)
		}
		return err
	}
	q, err := query.ParseUpdates(text)
	if err == nil && c.snap.Loaded() {
		err = q.Check(c.snap)
	}
	return err
}

// offerQuery gives what a query could go on with, for a prompt.
func (c *Console) offerQuery(on query.Subject, text string) (start int, texts, meanings []string) {
	for _, s := range query.Complete(on, text, c.snap) {
		texts, meanings = append(texts, s.Text), append(meanings, s.Meaning)
	}
	return query.WordStart(on, text), texts, meanings
}
