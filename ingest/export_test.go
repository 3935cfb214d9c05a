package ingest

// ByTexts makes a source of columns that takes every row by way of its texts.
func ByTexts(s Source) Source {
	c := s.(columnSource)
	c.slow = true
	return c
}

// Tables makes a source of columns that makes tables of so few rows.
func Tables(s Source, least int) Source {
	c := s.(columnSource)
	c.least = least
	return c
}

// ShortDecimal is shortDecimal.
var ShortDecimal = shortDecimal
