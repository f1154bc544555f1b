/* A thread that ends before it could send anything. */
process.exit(1);
