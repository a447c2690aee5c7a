"""Layers as their authors have them: what computes forward keeps what backward needs.

style       what a style stands for, and which operations a layer is judged by
layer       functions of an operation's arguments that have a layer compute it
pairs       two functions with a cache between them, as courses teach them
classes     classes with methods `forward` and `backward`, or what `build` makes
modules     torch's modules and autograd functions
tried       what a class takes, by making it
"""
