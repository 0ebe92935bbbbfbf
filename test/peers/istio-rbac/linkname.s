// Without an assembly file the compiler would refuse a function without a body.
