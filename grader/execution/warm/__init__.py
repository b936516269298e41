"""What runs inside the sandbox: a process with everything imported, and the kernels that it forks from itself."""
