"""What a user says of a kernel, in one line: where it is found, and how it is to be called.

line        the line: how it is read, and what its keys are
literals    values in it, as text
required    which values there are, and which go together
candidates  the kernel that a line names
subject     such a kernel, as what is judged
"""
