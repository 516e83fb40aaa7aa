package pgledger_test

const childDSN = "PGLEDGER_TEST_DSN"

func child() int { return 0 }
