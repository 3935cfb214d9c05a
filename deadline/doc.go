// Package deadline is the wire of AWS Deadline Cloud's API of 2023-10-12, in the
// protocol restJson1: the requests that farmtally reads, the responses that it
// writes, and the catalogue of exceptions.
//
// It knows nothing of records and queries: the server maps them to these shapes.
// Members are named as in AWS's model, and so is every exception.
package deadline
