package model

import "time"

// DayCount is how update management stood at the end of one day: what the trend
// is drawn of. It is a fact, counted while a process held the store; of a day on
// which none did there is no record.
type DayCount struct {
	Day int32 `cbor:"1,keyasint"` // see DayOf

	Security          int `cbor:"2,keyasint,omitzero"` // security updates that any computer needs, or failed to install
	SecurityComputers int `cbor:"3,keyasint,omitzero"` // computers that need one of them, or failed to install it
	SecurityPairs     int `cbor:"4,keyasint,omitzero"` // both together: what is still to be installed
	Needed            int `cbor:"5,keyasint,omitzero"` // updates of every classification that any computer needs
	Failed            int `cbor:"6,keyasint,omitzero"` // updates that failed on any computer
	Undecided         int `cbor:"7,keyasint,omitzero"` // needed or failed, and approved for no group
	Managed           int `cbor:"8,keyasint,omitzero"` // managed computers
	Known             int `cbor:"9,keyasint,omitzero"` // those of them whose status is known
}

// DayOf numbers the days of the calendar, from 1 January 1970 on, in the zone of
// the time: a day is what people who look at the trend call one.
func DayOf(t time.Time) int32 {
	y, m, d := t.Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Date is the beginning of the day, in UTC, for drawing it on an axis.
func (c DayCount) Date() time.Time { return time.Unix(int64(c.Day)*86400, 0).UTC() }
