module example.org/eim-testee

go 1.19
