package pgledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/deeperpoint/csss/ledger"
)

var (
	// ErrUnsafe: the server's settings would lose acknowledged entries. The
	// error's text names the setting. Nothing was written. It comes with
	// ledger.ErrReadOnly. See Options.AllowUnsafe.
	ErrUnsafe = errors.New("pgledger: server's settings lose acknowledged entries")
	// ErrStale: the server is a primary of the past, on a lower timeline than one
	// this store, or the log itself, has seen. Nothing was written. It comes with
	// ledger.ErrReadOnly.
	ErrStale = errors.New("pgledger: server is on an older timeline")
	// ErrStandby: the server is a standby. Nothing was written. It comes with
	// ledger.ErrReadOnly.
	ErrStandby = errors.New("pgledger: server is a standby")
)

// ServerError is an error the server reported. Its text has the server's message
// only where that cannot quote a row; rows, parameters and key values are never
// in it. It unwraps to ledger.ErrFull where the server has no room, to
// ledger.ErrReadOnly where it takes no writes, and to nothing otherwise.
type ServerError struct {
	Op      string // what the store did: "commit", "read", …
	Code    string // SQLSTATE
	Message string // empty for the classes 22 and 23
}

func (e *ServerError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("pgledger: %s: SQLSTATE %s", e.Op, e.Code)
	}
	return fmt.Sprintf("pgledger: %s: %s (SQLSTATE %s)", e.Op, e.Message, e.Code)
}

// Unwrap returns the ledger's sentinel for the code, or nil.
func (e *ServerError) Unwrap() error {
	switch e.Code {
	case "53100": // disk_full
		return ledger.ErrFull
	case "25006": // read_only_sql_transaction
		return ledger.ErrReadOnly
	}
	return nil
}

// describe turns an error of the driver into one of this package. It drops what
// the driver knows of rows and parameters.
func describe(op string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*ServerError](err); ok {
		return own
	}
	if errors.Is(err, ErrUnsafe) {
		return fmt.Errorf("%w: pgledger: %s: %w", ledger.ErrReadOnly, op, err)
	}
	for _, own := range []error{ErrStale, ErrStandby} {
		if errors.Is(err, own) {
			return fmt.Errorf("pgledger: %s: %w: %w", op, own, ledger.ErrReadOnly)
		}
	}
	if isOurs(err) {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		out := &ServerError{Op: op, Code: e.Code, Message: e.Message}
		if class(e) == "22" || class(e) == "23" {
			out.Message = ""
		}
		return out
	}
	for _, cause := range []error{errNotReplicated, context.Canceled, context.DeadlineExceeded, pgx.ErrNoRows, io.ErrUnexpectedEOF} {
		if errors.Is(err, cause) {
			return fmt.Errorf("pgledger: %s: %w", op, cause)
		}
	}
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fmt.Errorf("pgledger: %s: %w", op, e)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("pgledger: %s: %w", op, e)
	}
	return fmt.Errorf("pgledger: %s: driver failed (%T)", op, err)
}

// isOurs reports whether an error is of the ledger or of this package already.
func isOurs(err error) bool {
	for _, own := range []error{
		ledger.ErrClosed, ledger.ErrCorrupt, ledger.ErrRange, ledger.ErrInvalid,
		ledger.ErrFenced, ledger.ErrUnknownOutcome, ledger.ErrReadOnly, ledger.ErrFull,
	} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

func class(e *pgconn.PgError) string { return e.Code[:min(2, len(e.Code))] }

// serverSaidNo reports whether the server itself refused the statement and rolled
// it back. A FATAL error may come when the commit is already on the disk.
func serverSaidNo(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.SeverityUnlocalized == "ERROR" || e.SeverityUnlocalized == "" && e.Severity == "ERROR")
}

// isSerialization reports whether the same statement may succeed at once.
func isSerialization(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// isTransient reports whether another connection may bring an answer: there was
// none, it broke, the server goes down or comes up, or it is the wrong one.
func isTransient(err error) bool {
	if errors.Is(err, ErrStale) || errors.Is(err, ErrStandby) || errors.Is(err, errNotReplicated) {
		return true
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "25006", // a standby
			"53300",                   // too many connections
			"57P01", "57P02", "57P03", // going down, crashed, coming up
			"57014", "55P03": // cancelled, or waited too long for a lock
			return true
		}
		return class(e) == "08"
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
